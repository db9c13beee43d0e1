import Synchronization

@testable import ProxyCore

/// A server that answers as a test has it, and keeps what it was asked.
final class FakeLimitServer: LimitServer {
    typealias Answer = @Sendable (LimitScript, [[UInt8]]) -> Result<RESPValue, LimitServerFailure>

    private struct State {
        var now = LimitServerState.up(1)
        var scripts: [LimitScript] = []
        var published: [[UInt8]] = []
    }

    private let shared = Mutex(State())
    private let answer: Answer

    init(_ answer: @escaping Answer = { _, _ in .failure(.away(.off)) }) {
        self.answer = answer
    }

    var published: [[UInt8]] { shared.withLock { $0.published } }
    func scripts(_ script: LimitScript) -> Int { shared.withLock { state in state.scripts.count { $0 == script } } }

    var state: LimitServerState { shared.withLock { $0.now } }
    func becomes(_ state: LimitServerState) { shared.withLock { $0.now = state } }
    func onChange(_ handler: @escaping @Sendable (LimitServerState) -> Void) { handler(state) }

    func send(_ words: [[UInt8]], _ reply: @escaping @Sendable (Result<RESPValue, LimitServerFailure>) -> Void) {
        reply(.failure(.away(.off)))
    }

    func run(
        _ script: LimitScript, keys: [[UInt8]], arguments: [[UInt8]],
        _ reply: @escaping @Sendable (Result<RESPValue, LimitServerFailure>) -> Void
    ) {
        shared.withLock { $0.scripts.append(script) }
        reply(answer(script, arguments))
    }

    func subscribe(_ channel: String, _ handler: @escaping @Sendable ([UInt8]) -> Void) {}
    func publish(_ channel: String, _ message: [UInt8]) { shared.withLock { $0.published.append(message) } }
}

extension RESPValue {
    static func text(_ text: String) -> RESPValue { .bytes(Array(text.utf8)) }
}
