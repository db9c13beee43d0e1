import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyCore

@Suite struct OutgoingClientTests {
    @Test("A call that has ended is gone: its timeout keeps neither it nor its answer")
    func gone() throws {
        let switchboard = WireStage.Switchboard()
        let fixture = try LoopFixture(dial: switchboard.dial)
        let url = UpstreamURL(isTLS: false, host: "h.test", port: 80, basePath: "")
        weak var call: OutgoingCall?
        func start() -> EventLoopFuture<OutgoingResponse> {
            let made = OutgoingCall(OutgoingRequest(url: url, target: "/x", timeout: .seconds(60)), loop: fixture.loop)
            call = made
            return made.start()
        }
        let answer = start()
        #expect(call != nil && switchboard.channels.count == 1)
        switchboard.channels[0].send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na", step: 1)
        fixture.eventLoop.run()
        let body = try answer.wait().body
        #expect(body == Array("a".utf8))
        #expect(call == nil)
    }
}
