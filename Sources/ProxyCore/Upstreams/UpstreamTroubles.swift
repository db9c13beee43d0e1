import Logging
import Synchronization

/// Which addresses cannot be connected to, and why: told once for each change, however many requests and loops meet it.
final class UpstreamTroubles: Sendable {
    private let known = Mutex<[String: UpstreamFailure]>([:])
    private let count = Atomic<Int>(0)

    /// Whether there are any: what a connection that came about asks first.
    var areKnown: Bool { count.load(ordering: .relaxed) > 0 }

    /// - Parameter upstreams: the names of those at the address.
    func note(_ failure: UpstreamFailure, at address: String, of upstreams: @autoclosure () -> String, _ logger: Logger) {
        let isNew = known.withLock { known in
            let before = known.updateValue(failure, forKey: address)
            count.store(known.count, ordering: .relaxed)
            return before != failure
        }
        guard isNew else { return }
        logger.warning(
            "an upstream cannot be connected to",
            metadata: [
                LogKeys.upstream: "\(upstreams())", LogKeys.address: "\(address)", LogKeys.reason: "\(failure.label)",
                LogKeys.what: "\(failure.message)",
            ])
    }

    func ended(at address: String, of upstreams: @autoclosure () -> String, _ logger: Logger) {
        let wasKnown = known.withLock { known in
            let before = known.removeValue(forKey: address)
            count.store(known.count, ordering: .relaxed)
            return before != nil
        }
        guard wasKnown else { return }
        logger.notice(
            "an upstream can be connected to again",
            metadata: [LogKeys.upstream: "\(upstreams())", LogKeys.address: "\(address)"])
    }
}
