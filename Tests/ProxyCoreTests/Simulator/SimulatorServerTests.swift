import Foundation
import Glibc
import NIOPosix
import Simulator
import Testing

@Suite("Simulator over sockets")
struct SimulatorServerTests {
    private static let prompt = #"{"model":"m","stream":true,"messages":[{"role":"user","content":"2 words please"}]}"#

    @Test("several run side by side, and each answers for itself")
    func several() async throws {
        for name in ["alpha", "beta"] {
            var options = SimulatorOptions()
            options.name = name
            try await Self.withServer(options) { server in
                let response = await Self.post(
                    server, "/v1/messages", #"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#)
                #expect(response.hasPrefix("HTTP/1.1 200 OK\r\n"))
                #expect(response.contains(" of \(name). You asked: hi"))
                #expect(server.requestCount == 1)
            }
        }
    }

    @Test("a stream is chunked and ends properly, at a pace too", arguments: [0, 500])
    func stream(_ pace: Double) async throws {
        var options = SimulatorOptions()
        options.wordsPerSecond = pace
        try await Self.withServer(options) { server in
            let response = await Self.post(server, "/v1/messages", Self.prompt)
            #expect(response.lowercased().contains("transfer-encoding: chunked"))
            #expect(response.contains("text/event-stream"))
            #expect(response.components(separatedBy: "event: content_block_delta").count == 3)
            #expect(response.hasSuffix("0\r\n\r\n"))
        }
    }

    @Test("a connection serves several requests, told to continue where it asks")
    func keepAlive() async throws {
        try await Self.withServer { server in
            let body = #"{"model":"m","messages":[]}"#
            let first =
                "POST /v1/messages?beta=true HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
            let response = await Self.exchange(
                server.port, first + "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            #expect(response.hasPrefix("HTTP/1.1 100 Continue\r\n"))
            #expect(response.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
            #expect(response.contains(#""accounts":["#))
        }
    }

    @Test("what is cut ends without its end, and what is dropped has no beginning")
    func broken() async throws {
        try await Self.withServer { server in
            server.inject(SimulatedFailure(.cut, times: 1, afterWords: 1))
            let cut = await Self.post(server, "/v1/messages", Self.prompt)
            #expect(cut.contains("event: content_block_delta"))
            #expect(!cut.contains("message_stop") && !cut.hasSuffix("0\r\n\r\n"))
            server.inject(SimulatedFailure(.drop, times: 1))
            #expect(await Self.post(server, "/v1/messages", Self.prompt) == "")
            server.inject(SimulatedFailure(.slow, times: 1, delay: 0.01))
            #expect(await Self.post(server, "/v1/messages", Self.prompt).hasSuffix("0\r\n\r\n"))
        }
    }

    @Test("drills are asked for over HTTP, and a body past the limit is refused")
    func drills() async throws {
        var options = SimulatorOptions()
        options.maximumBody = 1000
        try await Self.withServer(options) { server in
            #expect(await Self.post(server, "/simulate", #"{"fail":"503","times":1}"#).contains(#""failures":[{"fail":"503""#))
            #expect(await Self.post(server, "/v1/messages", Self.prompt).hasPrefix("HTTP/1.1 503 "))
            #expect(await Self.post(server, "/v1/messages", Self.prompt).hasPrefix("HTTP/1.1 200 "))
            #expect(await Self.post(server, "/v1/messages", String(repeating: " ", count: 2000)).hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test("bodies in chunks are read, up to the limit")
    func chunks() async throws {
        var options = SimulatorOptions()
        options.maximumBody = 100
        let head = "POST /v1/messages HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        try await Self.withServer(options) { server in
            let body =
                "e\r\n{\"model\":\"m\",\"\r\n32\r\nmessages\":[{\"role\":\"user\",\"content\":\"in pieces\"}]}\r\n0\r\n\r\n"
            let response = await Self.exchange(server.port, head + body)
            #expect(response.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(response.contains("You asked: in pieces"))
            #expect(
                await Self.exchange(server.port, head + "65\r\n" + String(repeating: " ", count: 101)).hasPrefix("HTTP/1.1 413 "))
            #expect(await Self.exchange(server.port, head + "x\r\n").hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test("what is no request is refused, and the connection closed")
    func malformed() async throws {
        try await Self.withServer { server in
            let response = await Self.exchange(
                server.port, "GET /health HTTP/1.1\r\nno colon\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            #expect(response.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            #expect(response.lowercased().contains("connection: close"))
            #expect(response.components(separatedBy: "HTTP/1.1 ").count == 2)
        }
    }

    @Test("HTTP/1.0 has no chunks: a stream ends with its connection")
    func older() async throws {
        try await Self.withServer { server in
            let request =
                "POST /v1/messages HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: \(Self.prompt.utf8.count)\r\n\r\n\(Self.prompt)"
            let response = await Self.exchange(server.port, request)
            #expect(response.lowercased().contains("connection: close"))
            #expect(!response.lowercased().contains("transfer-encoding"))
            #expect(response.contains("event: message_stop"))
        }
    }

    @Test("stop closes what is open, in the middle of an answer too")
    func stop() async throws {
        var options = SimulatorOptions()
        options.wordsPerSecond = 0.001
        let server = try await SimulatorServer.start(options: options, group: MultiThreadedEventLoopGroup.singleton)
        let (started, announce) = AsyncStream<Void>.makeStream()
        async let response = Self.exchange(
            server.port, Self.request("/v1/messages", Self.prompt), onFirstBytes: { announce.finish() })
        for await _ in started {}
        await server.stop()
        #expect(await response.contains("message_start"))
        #expect(await Self.post(server, "/v1/messages", Self.prompt) == "")
    }

    // MARK: Helpers

    private static func withServer(
        _ options: SimulatorOptions = SimulatorOptions(), _ body: (SimulatorServer) async throws -> Void
    ) async throws {
        let server = try await SimulatorServer.start(options: options, group: MultiThreadedEventLoopGroup.singleton)
        do {
            try await body(server)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private static func request(_ path: String, _ body: String) -> String {
        "POST \(path) HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func post(_ server: SimulatorServer, _ path: String, _ body: String) async -> String {
        await exchange(server.port, request(path, body))
    }

    /// Sends the bytes and reads until the other side closes; empty when it cannot connect. Ten seconds at most.
    private static func exchange(
        _ port: Int, _ request: String, onFirstBytes: @escaping @Sendable () -> Void = {}
    ) async -> String {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: blockingExchange(port, request, onFirstBytes))
            }
        }
    }

    private static func blockingExchange(_ port: Int, _ request: String, _ onFirstBytes: () -> Void) -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer {
            close(descriptor)
            onFirstBytes()
        }
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let isConnected = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { return "" }
        let bytes = Array(request.utf8)
        _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        var response: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { return String(decoding: response, as: UTF8.self) }
            if response.isEmpty { onFirstBytes() }
            response += chunk[..<count]
        }
    }
}
