import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyCore

/// proxyd on one loop whose time a test moves, without sockets: its clients' connections, and as it opens them its upstreams'.
final class WireStage {
    let fixture: LoopFixture
    let listener: BoundListener
    let switchboard: Switchboard

    init(_ more: String = "") throws {
        let switchboard = Switchboard()
        self.switchboard = switchboard
        let keys = "keys: [{name: user, key: sk-user}]\n"
        fixture = try LoopFixture(ConfigurationFixture.file(keys + more), dial: switchboard.dial)
        let settings = ListenerSettings(Listener(host: "127.0.0.1", port: 80), plane: .both)
        listener = BoundListener(id: .tcp(host: "127.0.0.1", port: 80, ordinal: 0), settings: settings)
    }

    /// The upstreams' sides of the connections that were opened, in their order.
    var upstreams: [WireChannel] { switchboard.channels }

    /// The last one, which there has to be.
    func upstream() throws -> WireChannel { try #require(switchboard.channels.last) }

    /// A client's side of a new connection.
    func client() throws -> WireChannel {
        let channel = WireChannel(fixture.eventLoop, allowsHalfClosure: true)
        let connection = ClientConnection(
            loop: fixture.loop, listener: listener, acceptedUnder: listener.settings.current, isDirect: true)
        try channel.pipeline.syncOperations.addHandler(connection)
        channel.activate()
        return channel
    }

    /// All that waits for the loop's next turn.
    func turn() { fixture.eventLoop.run() }

    func pass(_ time: TimeAmount) { fixture.eventLoop.advanceTime(by: time) }

    /// Connections are made at once, or when the test says so.
    final class Switchboard {
        private(set) var channels: [WireChannel] = []
        private(set) var keys: [PoolKey] = []
        private var waiting: [(promise: EventLoopPromise<any Channel>, channel: WireChannel)] = []
        var holds = false
        var failure: (any Error)?

        func dial(
            _ key: PoolKey, _ timeout: TimeAmount, _ eventLoop: any EventLoop,
            _ prepare: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
        ) -> EventLoopFuture<any Channel> {
            keys.append(key)
            if let failure { return eventLoop.makeFailedFuture(failure) }
            guard let loop = eventLoop as? EmbeddedEventLoop else {
                return eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
            }
            let channel = WireChannel(loop, allowsHalfClosure: false)
            channels.append(channel)
            let promise = loop.makePromise(of: (any Channel).self)
            prepare(channel).whenFailure { promise.fail($0) }
            waiting.append((promise, channel))
            if !holds { connectAll() }
            return promise.futureResult
        }

        /// What was dialled stands.
        func connectAll() {
            let ready = waiting
            waiting = []
            for (promise, channel) in ready {
                channel.activate()
                promise.succeed(channel)
            }
        }

        /// What was dialled cannot be reached.
        func failAll(_ error: any Error) {
            let failed = waiting
            waiting = []
            for (promise, _) in failed { promise.fail(error) }
        }
    }
}

/// What goes over the wire in these tests.
enum Wire {
    static let body = #"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#

    static func head(
        _ fields: String = "content-length: \(body.utf8.count)\r\n", key: String = "sk-user", line: String = "POST /v1/messages",
        version: String = "1.1"
    ) -> String { "\(line) HTTP/\(version)\r\nhost: h\r\nx-api-key: \(key)\r\n\(fields)\r\n" }

    static let request = head() + body
    static let unknownKey = head(key: "sk-nobody") + body
    static let wrongMethod = head("", line: "GET /v1/messages")

    /// A body in chunks of so many bytes, the last with an extension, a trailer behind them.
    static func chunked(_ body: String, by size: Int) -> String {
        let bytes = Array(body.utf8)
        var out = ""
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = bytes[start..<min(start + size, bytes.count)]
            let isLast = start + size >= bytes.count
            out += String(piece.count, radix: 16) + (isLast ? ";a=\"b\"" : "") + "\r\n"
            out += String(decoding: piece, as: UTF8.self) + "\r\n"
        }
        return out + "0\r\nx-trailer: y\r\n\r\n"
    }

    static func answer(_ text: String = "A", fields: String = "") -> String {
        let body =
            #"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"\#(text)"}],"#
            + #""stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":5}}"#
        return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\(fields)content-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static let streamingBody = #"{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#
    static let streamingRequest = head("content-length: \(streamingBody.utf8.count)\r\n") + streamingBody

    static func event(_ type: String, _ rest: String = "") -> String {
        let data = "event: \(type)\ndata: {\"type\":\"\(type)\"\(rest)}\n\n"
        return String(data.utf8.count, radix: 16) + "\r\n" + data + "\r\n"
    }

    /// The head of a stream, and its first events.
    static let streamBegins =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        + event(
            "message_start",
            #","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":3,"output_tokens":1}}"#
        ) + event("content_block_start", #","index":0,"content_block":{"type":"text","text":""}"#)

    static func delta(_ text: String) -> String {
        event("content_block_delta", #","index":0,"delta":{"type":"text_delta","text":"\#(text)"}"#)
    }

    static let streamEnds =
        event("content_block_stop", #","index":0"#)
        + event("message_delta", #","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}"#) + event("message_stop")
        + "0\r\n\r\n"
}
