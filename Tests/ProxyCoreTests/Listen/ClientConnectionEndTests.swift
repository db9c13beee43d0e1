import HTTP1
import NIOCore
import Testing

@testable import ProxyCore

/// How a client's connection ends, by whom and when; and what waits for whom until then.
@Suite struct ClientConnectionEndTests {
    // MARK: The client's side ends

    @Test(
        "A client that closes its side in the middle of a request has none",
        arguments: ["", "POST /v1", Wire.head() + "{", Wire.head("transfer-encoding: chunked\r\n") + "3\r\nab"])
    func halfRequests(_ wire: String) throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(wire)
        client.sendEnd()
        stage.turn()
        #expect(!client.isActive && client.take().isEmpty && stage.upstreams.isEmpty)
        #expect(stage.fixture.loop.shared.connections == 0 && stage.fixture.loop.shared.activeRequests == 0)
    }

    @Test("A client that closes its side after its request gets the answer, then the end")
    func halfClosed() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.request)
        client.sendEnd()
        stage.turn()
        #expect(client.isActive)
        try stage.upstream().send(Wire.answer())
        stage.turn()
        #expect(client.takeStatuses() == [200])
        #expect(!client.isActive)
    }

    @Test(
        "A client that closes its side and is silent is given up after a while, and so is its upstream", arguments: [true, false])
    func halfClosedForGood(getsBytes: Bool) throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.streamingRequest)
        client.sendEnd()
        let upstream = try stage.upstream()
        stage.pass(.milliseconds(500))
        if getsBytes { upstream.send(Wire.streamBegins + Wire.delta("x")) }
        stage.pass(ClientLimits.graceAfterInputClosed + .milliseconds(200))
        #expect(client.isActive == getsBytes && upstream.isActive == getsBytes)
        #expect(stage.fixture.loop.shared.activeRequests == (getsBytes ? 1 : 0))
    }

    @Test("A client that goes away takes its upstream request along", arguments: ["", Wire.streamBegins + Wire.delta("x")])
    func gone(_ response: String) throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.streamingRequest)
        let upstream = try stage.upstream()
        upstream.send(response)
        client.reset()
        stage.turn()
        #expect(!upstream.isActive && stage.fixture.loop.shared.activeRequests == 0)
        #expect(stage.fixture.loop.shared.connections == 0)
        // Late calls reach nobody.
        upstream.send(Wire.delta("y"))
        stage.pass(.seconds(1))
    }

    @Test("A write that finds the client gone ends its connection, and what came early is not begun")
    func brokenWrite() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.request + Wire.request)
        let upstream = try stage.upstream()
        _ = upstream.take()
        client.breakOnWrite()
        upstream.send(Wire.answer())
        stage.turn()
        #expect(!client.isActive && client.take().isEmpty)
        #expect(upstream.take().isEmpty && stage.fixture.loop.shared.activeRequests == 0)
    }

    @Test("A stream that its upstream cuts is cut for the client: told, without its framing's end, and closed")
    func cutStream() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.streamingRequest + Wire.request)
        let upstream = try stage.upstream()
        upstream.send(Wire.streamBegins + Wire.delta("x"))
        upstream.sendEnd()
        stage.turn()
        let answers = client.takeResponses()
        #expect(answers.map(\.status) == [200] && answers.first?.body.contains("\"error\"") == true)
        #expect(client.isOutputClosed && stage.upstreams.count == 1)
    }

    // MARK: Lingering

    @Test("A client that was answered early is waited for as long as it sends, and not for ever")
    func lingering() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.head(key: "sk-nobody"))
        stage.turn()
        #expect(client.takeStatuses() == [401] && client.isOutputClosed)
        // It sends on and on.
        for _ in 0..<20 {
            stage.pass(.seconds(1))
            client.send("x")
            #expect(client.isActive)
        }
        for _ in 0..<20 {
            stage.pass(.seconds(1))
            client.send("x")
        }
        #expect(!client.isActive)
    }

    @Test("A client that was answered early and says nothing is closed")
    func silentLingering() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.head(key: "sk-nobody"))
        stage.pass(ClientLimits.lingering)
        #expect(client.isActive)
        stage.pass(.milliseconds(200))
        #expect(!client.isActive)
    }

    @Test("The time to read a last answer begins when its last byte has left")
    func slowLastAnswer() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.takes(false, isWritable: true)
        client.send(Wire.head(key: "sk-nobody"))
        stage.pass(ClientLimits.lingering + .seconds(10))
        #expect(client.isActive && !client.isOutputClosed)
        client.takes(true)
        stage.turn()
        #expect(client.takeStatuses() == [401] && client.isOutputClosed && client.isActive)
        stage.pass(ClientLimits.lingering + .milliseconds(200))
        #expect(!client.isActive)
    }

    // MARK: Time

    private static let times = "timeouts: {head: 2s, idle: 5s, first_byte: 60s}"

    /// What a client sends before it falls silent, how long it is borne with, and what it is told.
    struct Silence: Sendable, CustomTestStringConvertible {
        var wire: String
        var seconds: Int64
        var status: Int?

        var testDescription: String { wire.prefix(30).debugDescription }
    }

    @Test(
        "A client that falls silent is told where it has begun a request, and closed",
        arguments: [
            Silence(wire: "", seconds: 2), Silence(wire: "POST", seconds: 2, status: 408),
            Silence(wire: Wire.head() + "{", seconds: 5, status: 408),
            Silence(wire: Wire.head("transfer-encoding: chunked\r\n") + "3\r\na", seconds: 5, status: 408),
            Silence(wire: Wire.wrongMethod, seconds: 5), Silence(wire: Wire.wrongMethod + "POST", seconds: 2, status: 408),
        ])
    func silence(_ row: Silence) throws {
        let stage = try WireStage(Self.times)
        let client = try stage.client()
        client.send(row.wire)
        stage.turn()
        let before = row.wire.hasPrefix(Wire.wrongMethod) ? 1 : 0
        #expect(client.takeResponses(to: [.get]).count == before)
        stage.pass(.seconds(row.seconds))
        #expect(client.isActive && client.take().isEmpty)
        stage.pass(.milliseconds(200))
        let answers = client.takeResponses()
        #expect(answers.map(\.status) == (row.status.map { [$0] } ?? []))
        #expect(client.isOutputClosed && client.isActive == (row.status != nil))
        if row.status != nil { #expect(answers.first?["connection"] == "close") }
    }

    @Test("A head's time runs from its first byte, however slowly the others come")
    func slowHead() throws {
        let stage = try WireStage(Self.times)
        let client = try stage.client()
        stage.pass(.milliseconds(1500))
        for _ in 0..<19 {
            client.send("G")
            stage.pass(.milliseconds(100))
            #expect(client.isActive)
        }
        stage.pass(.milliseconds(300))
        #expect(client.takeStatuses() == [408])
    }

    @Test("A body's time runs from its last byte")
    func slowBody() throws {
        let stage = try WireStage(Self.times)
        let client = try stage.client()
        client.send(Wire.head())
        for byte in Wire.body {
            stage.pass(.seconds(4))
            #expect(client.isActive)
            client.send(String(byte))
        }
        try stage.upstream().send(Wire.answer())
        stage.turn()
        #expect(client.takeStatuses() == [200])
    }

    @Test("A client that still reads its last answer does not idle")
    func slowReader() throws {
        let stage = try WireStage(Self.times)
        let client = try stage.client()
        client.takes(false, isWritable: true)
        client.send(Wire.wrongMethod)
        stage.pass(.seconds(6))
        // It seemed idle once, but there was something left; then it takes none of it.
        #expect(client.isActive)
        stage.pass(.seconds(6))
        #expect(!client.isActive)
    }

    // MARK: Back pressure

    @Test("A client that does not read makes its upstream wait, and goes on where it was")
    func backPressure() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.streamingRequest)
        let upstream = try stage.upstream()
        upstream.send(Wire.streamBegins + Wire.delta("0"))
        client.setWritable(false)
        upstream.send(Wire.delta("1"))
        let reads = upstream.reads
        for number in 2..<6 { upstream.send(Wire.delta("\(number)")) }
        stage.pass(.seconds(1))
        #expect(upstream.unread == 4 && upstream.reads == reads)
        client.setWritable(true)
        stage.turn()
        #expect(upstream.unread == 0)
        upstream.send(Wire.streamEnds)
        stage.turn()
        let answers = client.takeResponses()
        let texts = answers.first?.body.split(separator: "\"text\":\"").dropFirst(2).map { $0.prefix(1) } ?? []
        #expect(answers.count == 1 && answers.first?.isWhole == true && texts == ["0", "1", "2", "3", "4", "5"])
        // The upstream's connection is kept as if nothing had been.
        client.send(Wire.request)
        #expect(stage.upstreams.count == 1)
    }

    @Test("A client that reads nothing for as long as an upstream may be silent is given up")
    func stalledClient() throws {
        let stage = try WireStage(Self.times)
        let client = try stage.client()
        client.send(Wire.streamingRequest)
        let upstream = try stage.upstream()
        client.takes(false)
        upstream.send(Wire.streamBegins + Wire.delta("0"))
        stage.pass(.seconds(4))
        #expect(client.isActive && upstream.isActive)
        stage.pass(.seconds(2))
        #expect(!client.isActive && !upstream.isActive && stage.fixture.loop.shared.activeRequests == 0)
    }

    // MARK: Room

    @Test("Where there is no room, whoever idles gives way; who works stays, and the guest is told")
    func room() throws {
        let stage = try WireStage("limits: {connections: 1}")
        let idle = try stage.client()
        let second = try stage.client()
        stage.turn()
        #expect(!idle.isActive && second.isActive)
        second.send(Wire.request)
        let guest = try stage.client()
        stage.turn()
        #expect(second.isActive)
        guest.send(Wire.request)
        stage.turn()
        let answers = guest.takeResponses()
        #expect(answers.map(\.status) == [503] && answers.first?["connection"] == "close")
        #expect(stage.upstreams.count == 1)
        try stage.upstream().send(Wire.answer())
        stage.turn()
        #expect(second.takeStatuses() == [200] && second.isActive)
    }

    @Test("A guest who waits until there is a slot is served")
    func promotedGuest() throws {
        let stage = try WireStage("limits: {connections: 1}")
        let first = try stage.client()
        first.send(Wire.request)
        let guest = try stage.client()
        try stage.upstream().send(Wire.answer())
        stage.turn()
        guest.send(Wire.request)
        stage.turn()
        #expect(!first.isActive && guest.take().isEmpty)
        try stage.upstream().send(Wire.answer())
        stage.turn()
        #expect(guest.takeStatuses() == [200])
    }

    @Test("Beyond the guests a connection is refused before it says anything")
    func fullHouse() throws {
        let stage = try WireStage("limits: {connections: 1}")
        let first = try stage.client()
        first.send(Wire.request)
        let guests = try (0..<ConnectionSlots.mostGuests).map { _ in try stage.client() }
        for guest in guests { guest.send("POST /v1/messages HTTP/1.1\r\nhost: h\r\n") }
        let one = try stage.client()
        stage.turn()
        // A guest that idles makes room for the next.
        #expect(one.isActive && guests.filter(\.isActive).count == ConnectionSlots.mostGuests - 1)
    }

    // MARK: Reloads and the end

    @Test("After a reload that asks something else of connections the next answer is the last")
    func movedOn() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.wrongMethod)
        #expect(client.takeResponses().first?["connection"] == nil)
        var listener = Listener(host: "127.0.0.1", port: 80)
        stage.listener.settings.publish(ListenerSettings(listener, plane: .data))
        client.send(Wire.wrongMethod)
        #expect(client.takeResponses().first?["connection"] == nil)
        listener.tls = Listener.ServerTLS(
            certificate: "", key: "",
            credentials: try ServerCredentials(
                certificate: CertificateFixture.bytes("server.pem"), key: CertificateFixture.bytes("server.key"),
                clientAuthorities: nil, now: 1_769_904_000))
        stage.listener.settings.publish(ListenerSettings(listener, plane: .data))
        client.send(Wire.wrongMethod + Wire.wrongMethod)
        stage.turn()
        let answers = client.takeResponses()
        #expect(answers.count == 1 && answers.first?["connection"] == "close" && client.isOutputClosed)
    }

    @Test("While the process ends, an idle connection is closed and an answer is the last")
    func draining() throws {
        let stage = try WireStage()
        let (fresh, idle, working) = (try stage.client(), try stage.client(), try stage.client())
        idle.send(Wire.wrongMethod)
        working.send(Wire.request)
        stage.fixture.loop.shared.draining.store(true, ordering: .relaxed)
        stage.pass(.milliseconds(100))
        // What has just been accepted may have a request on its way.
        #expect(fresh.isActive && !idle.isActive && working.isActive)
        stage.pass(ClientLimits.drainGrace)
        #expect(!fresh.isActive && working.isActive)
        try stage.upstream().send(Wire.answer())
        stage.turn()
        #expect(working.takeStatuses() == [200] && working.isOutputClosed)
    }

    @Test("When the process ends, what still runs is cut: a stream is told, a request gets an answer")
    func processEnds() throws {
        let stage = try WireStage()
        let (streaming, waiting, idle) = (try stage.client(), try stage.client(), try stage.client())
        streaming.send(Wire.streamingRequest)
        try stage.upstream().send(Wire.streamBegins + Wire.delta("x"))
        waiting.send(Wire.request)
        stage.fixture.loop.closeEverything()
        stage.turn()
        let streamed = streaming.takeResponses()
        #expect(streamed.map(\.status) == [200] && streamed.first?.body.contains("event: error") == true)
        #expect(waiting.takeStatuses() == [502])
        #expect(!idle.isActive && streaming.isOutputClosed && stage.fixture.loop.shared.activeRequests == 0)
    }
}
