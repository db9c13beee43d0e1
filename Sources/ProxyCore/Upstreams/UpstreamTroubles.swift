import Logging
import Synchronization

/// Which addresses cannot be connected to, and why: told once for each change, however many requests and loops meet it.
final class UpstreamTroubles: Sendable {
    private let known = Mutex<[String: UpstreamFailure]>([:])
    private let count = Atomic<Int>(0)
    /// Where alerts and reports find them.
    private let states: Published<AccountStates>

    init(publishing states: Published<AccountStates>) { self.states = states }

    /// Whether there are any: what a connection that came about asks first.
    var areKnown: Bool { count.load(ordering: .relaxed) > 0 }

    /// - Parameter upstreams: the names of those at the address; empty where calls of proxyd's own go there.
    func note(_ failure: UpstreamFailure, at address: String, of upstreams: @autoclosure () -> String, _ logger: Logger) {
        let isNew = known.withLock { known in
            let before = known.updateValue(failure, forKey: address)
            count.store(known.count, ordering: .relaxed)
            return before != failure
        }
        guard isNew else { return }
        states.update { $0.unreachable[address] = failure }
        let names = upstreams()
        var metadata = Self.metadata(names, address)
        metadata[LogKeys.reason] = "\(failure.label)"
        metadata[LogKeys.what] = "\(failure.message)"
        logger.warning(
            names.isEmpty ? "an address cannot be connected to" : "an upstream cannot be connected to", metadata: metadata)
    }

    func ended(at address: String, of upstreams: @autoclosure () -> String, _ logger: Logger) {
        let wasKnown = known.withLock { known in
            let before = known.removeValue(forKey: address)
            count.store(known.count, ordering: .relaxed)
            return before != nil
        }
        guard wasKnown else { return }
        states.update { $0.unreachable[address] = nil }
        let names = upstreams()
        logger.notice(
            names.isEmpty ? "an address can be connected to again" : "an upstream can be connected to again",
            metadata: Self.metadata(names, address))
    }

    private static func metadata(_ upstreams: String, _ address: String) -> Logger.Metadata {
        var metadata: Logger.Metadata = [LogKeys.address: "\(address)"]
        if !upstreams.isEmpty { metadata[LogKeys.upstream] = "\(upstreams)" }
        return metadata
    }
}
