import Logging
import NIOCore
import Synchronization

/// The one link of this process to the server that nodes share limits and hints by. It comes back by itself, and follows the
/// configuration.
public final class RedisLink: LimitServer {
    public typealias Reply = @Sendable (Result<RESPValue, LimitServerFailure>) -> Void

    private struct Target: Hashable {
        var addresses: [LimitServerAddress]
        var authorities: TrustedAuthorities?
        var node: String
    }

    private struct State {
        var target: Target?
        var connection: RedisConnection?
        var sentinel: RedisConnection?
        /// Counts attempts, so that an end that comes late is not taken for the present connection's.
        var attempt = 0
        var now = LimitServerState.off
        var comings = 0
        var observers: [@Sendable (LimitServerState) -> Void] = []
        var subscriptions: [String: [@Sendable ([UInt8]) -> Void]] = [:]
        var version = ""
        var hasToldPublishing = false

        /// What the server calls a channel of ours: it knows no databases there.
        func wire(_ channel: String) -> String { "proxyd:\(target?.addresses.first?.database ?? 0):\(channel)" }
    }

    private let eventLoop: any EventLoop
    private let logger: Logger?
    private let shared = Mutex(State())
    private let wakeup = Wakeup()

    public init(eventLoop: any EventLoop, logger: Logger? = nil) {
        self.eventLoop = eventLoop
        self.logger = logger
    }

    // MARK: Configuration

    /// Goes by these settings from now on; the connection is another one where its server is.
    public func apply(_ cluster: ClusterSettings?) {
        let target = cluster.flatMap { cluster in
            cluster.limits.isEmpty
                ? nil : Target(addresses: cluster.limits, authorities: cluster.authorities, node: cluster.node)
        }
        let old = shared.withLock { state -> (RedisConnection?, RedisConnection?)? in
            guard state.target != target else { return nil }
            state.target = target
            state.attempt += 1
            defer { (state.connection, state.sentinel) = (nil, nil) }
            change(target == nil ? .off : .connecting, &state)
            return (state.connection, state.sentinel)
        }
        guard let old else { return }
        old.0?.close()
        old.1?.close()
        wakeup.wake()
    }

    // MARK: Life

    /// Keeps the connection, until its task is cancelled.
    public func run() async {
        var pause = ReconnectPause()
        while !Task.isCancelled {
            let (target, connected) = shared.withLock { ($0.target, $0.connection != nil) }
            guard let target, !connected else {
                await wakeup.wait(nil, on: eventLoop)
                continue
            }
            let attempt = shared.withLock { state in
                state.attempt += 1
                return state.attempt
            }
            do throws(LimitServerTrouble) {
                try await connect(target, attempt)
                pause.reset()
            } catch {
                fail(error, attempt)
                await wakeup.wait(pause.next(), on: eventLoop)
            }
        }
        let last = shared.withLock { state in
            state.attempt += 1
            defer { (state.connection, state.sentinel) = (nil, nil) }
            return (state.connection, state.sentinel)
        }
        last.0?.close()
        last.1?.close()
    }

    private func connect(_ target: Target, _ attempt: Int) async throws(LimitServerTrouble) {
        let dial = RedisDial(eventLoop: eventLoop, authorities: target.authorities, clientName: "proxyd-\(target.node)")
        let events = RedisDial.Events(
            onPush: { [weak self] items in self?.hear(items) }, onEnd: { [weak self] trouble in self?.lose(trouble, attempt) })
        let found = try await dial.master(among: target.addresses, events)
        let channels = shared.withLock { state -> [String]? in
            guard state.attempt == attempt else { return nil }
            (state.connection, state.sentinel, state.version) = (found.server, found.sentinel, found.version)
            state.hasToldPublishing = false
            return state.subscriptions.keys.map(state.wire)
        }
        guard let channels else {
            found.server.close()
            found.sentinel?.close()
            return
        }
        if let sentinel = found.sentinel {
            sentinel.send([Array("SUBSCRIBE".utf8), Array(Self.switchChannel.utf8)], as: .subscription) { _ in }
        }
        for channel in channels { subscribe(found.server, channel) }
        // It has ended already where even this gets no reply.
        do throws(LimitServerFailure) {
            _ = try await found.server.call("PING")
        } catch {
            if case .lost(let trouble) = error { throw trouble }
            if case .away(let trouble) = error { throw trouble }
        }
        shared.withLock { state in
            guard state.attempt == attempt, state.connection != nil else { return }
            comeBack(&state)
        }
    }

    private static let switchChannel = "+switch-master"

    private func fail(_ trouble: LimitServerTrouble, _ attempt: Int) {
        let left = shared.withLock { state -> (RedisConnection?, RedisConnection?) in
            guard state.attempt == attempt else { return (nil, nil) }
            defer { (state.connection, state.sentinel) = (nil, nil) }
            change(.down(trouble), &state)
            return (state.connection, state.sentinel)
        }
        left.0?.close()
        left.1?.close()
    }

    /// The connection has ended.
    private func lose(_ trouble: LimitServerTrouble, _ attempt: Int) {
        let sentinel = shared.withLock { state -> RedisConnection? in
            guard state.attempt == attempt, state.connection != nil else { return nil }
            defer { (state.connection, state.sentinel) = (nil, nil) }
            change(.down(trouble), &state)
            return state.sentinel
        }
        sentinel?.close()
        wakeup.wake()
    }

    // MARK: State

    public var state: LimitServerState { shared.withLock { $0.now } }

    /// The server's version, once it has told it.
    public var serverVersion: String { shared.withLock { $0.version } }

    public func onChange(_ handler: @escaping @Sendable (LimitServerState) -> Void) {
        shared.withLock { state in
            state.observers.append(handler)
            let now = state.now
            eventLoop.execute { handler(now) }
        }
    }

    private func comeBack(_ state: inout State) {
        state.comings += 1
        change(.up(state.comings), &state)
    }

    /// Observers are called on the event loop, in order.
    private func change(_ new: LimitServerState, _ state: inout State) {
        guard state.now != new else { return }
        state.now = new
        let observers = state.observers
        eventLoop.execute { for observer in observers { observer(new) } }
    }

    // MARK: Commands

    public func send(_ words: [[UInt8]], _ reply: @escaping Reply) {
        let (connection, now) = shared.withLock { ($0.connection, $0.now) }
        guard let connection else {
            reply(.failure(.away(Self.trouble(now))))
            return
        }
        connection.send(words, reply)
    }

    private static func trouble(_ state: LimitServerState) -> LimitServerTrouble {
        switch state {
        case .off: .off
        case .connecting: .connecting
        case .up: .closed
        case .down(let trouble): trouble
        }
    }

    public func run(_ script: LimitScript, keys: [[UInt8]], arguments: [[UInt8]], _ reply: @escaping Reply) {
        let (connection, now) = shared.withLock { ($0.connection, $0.now) }
        guard let connection else {
            reply(.failure(.away(Self.trouble(now))))
            return
        }
        let rest = [Array("\(keys.count)".utf8)] + keys + arguments
        connection.send([Array("EVALSHA".utf8), script.digest] + rest) { [self] result in
            guard case .failure(let failure) = result, failure.code == "NOSCRIPT" else {
                judge(result, script, connection)
                reply(result)
                return
            }
            connection.send([Array("EVAL".utf8), script.source] + rest) { [self] result in
                judge(result, script, connection)
                reply(result)
            }
        }
    }

    /// What a script's end says of the server: a connection may stand and nothing come of it.
    private func judge(_ result: Result<RESPValue, LimitServerFailure>, _ script: LimitScript, _ connection: RedisConnection) {
        switch result {
        case .success:
            guard script.writes else { return }
            shared.withLock { state in
                guard state.connection === connection, case .down = state.now else { return }
                comeBack(&state)
            }
        case .failure(.refused(let words)):
            guard let trouble = LimitServerTrouble(refusal: Self.innerRefusal(words)) else { return }
            // Another one is the master now.
            if trouble == .readOnlyReplica {
                connection.close(trouble)
                return
            }
            shared.withLock { state in
                guard state.connection === connection else { return }
                change(.down(trouble), &state)
            }
        case .failure: return
        }
    }

    /// Redis 6 wraps what a command of a script is refused with.
    static func innerRefusal(_ words: String) -> String {
        guard words.hasPrefix("ERR ") else { return words }
        for code in ["NOPERM", "READONLY", "OOM", "MISCONF", "WRONGTYPE"] {
            if let found = words.firstRange(of: "-\(code) ") { return String(words[found.lowerBound...].dropFirst()) }
        }
        return words
    }

    // MARK: Channels

    public func subscribe(_ channel: String, _ handler: @escaping @Sendable ([UInt8]) -> Void) {
        let (connection, wire) = shared.withLock { state -> (RedisConnection?, String) in
            let isNew = state.subscriptions[channel] == nil
            state.subscriptions[channel, default: []].append(handler)
            return (isNew ? state.connection : nil, state.wire(channel))
        }
        if let connection { subscribe(connection, wire) }
    }

    private func subscribe(_ connection: RedisConnection, _ channel: String) {
        connection.send([Array("SUBSCRIBE".utf8), Array(channel.utf8)], as: .subscription) { [self] in noteHints($0) }
    }

    public func publish(_ channel: String, _ message: [UInt8]) {
        let (connection, wire) = shared.withLock { ($0.connection, $0.wire(channel)) }
        connection?.send([Array("PUBLISH".utf8), Array(wire.utf8), message]) { [self] in noteHints($0) }
    }

    /// Once for each connection: limits go on without hints.
    private func noteHints(_ result: Result<RESPValue, LimitServerFailure>) {
        guard case .failure(.refused(let words)) = result else { return }
        let isNew = shared.withLock { state in
            defer { state.hasToldPublishing = true }
            return !state.hasToldPublishing
        }
        if isNew {
            logger?.warning(
                "the server of limits refuses hints among nodes",
                metadata: [LogKeys.reason: "\(LimitServerTrouble.bounded(words[...]))"])
        }
    }

    private func hear(_ items: [RESPValue]) {
        guard items.count == 3, items[0].text == "message", let channel = items[1].text, let message = items[2].bytes else {
            return
        }
        if channel == Self.switchChannel {
            let connection = shared.withLock { $0.sentinel == nil ? nil : $0.connection }
            connection?.close(.noMaster("another one has become it"))
            return
        }
        let handlers = shared.withLock { state in
            state.subscriptions.first { state.wire($0.key) == channel }?.value ?? []
        }
        for handler in handlers { handler(message) }
    }
}
