import Logging
import NIOCore
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Counts what befalls connections before they are requests, and logs each kind once in a while.
final class ConnectionEvents: Sendable {
    private let logger: Logger
    private let evictedCount: MetricCounter
    private let full: MetricCounter
    private let untrusted: MetricCounter
    private let malformed: MetricCounter
    private let acceptFailures: MetricCounter
    private let evictions = Occasionally()
    private let refusals = Occasionally()
    private let proxyFaults = Occasionally()
    private let shortages = Occasionally()

    init(metrics: MetricsRegistry, logger: Logger) {
        self.logger = logger
        evictedCount = metrics.counter(.connectionsEvicted)
        full = metrics.counter(.connectionsRefused, "full")
        untrusted = metrics.counter(.connectionsRefused, "untrusted_proxy")
        malformed = metrics.counter(.connectionsRefused, "proxy_header")
        acceptFailures = metrics.counter(.acceptFailures)
    }

    func evicted(_ count: Int, limit: Int) {
        evictedCount.increment(by: Int64(count))
        guard let times = evictions.note() else { return }
        logger.notice(
            "limits.connections is reached: idle connections give way to new ones",
            metadata: [LogKeys.limit: "\(limit)", LogKeys.times: "\(times)"])
    }

    /// They were closed for their descriptors' sake, which is told already.
    func gaveWay(_ count: Int) { evictedCount.increment(by: Int64(count)) }

    func refused(limit: Int) {
        full.increment()
        guard let times = refusals.note() else { return }
        logger.warning(
            "limits.connections is reached and all of them are at work: further ones are refused",
            metadata: [LogKeys.limit: "\(limit)", LogKeys.times: "\(times)"])
    }

    func refusedProxy(_ address: String, because fault: ProxyFault) {
        switch fault {
        case .untrusted: untrusted.increment()
        case .malformed: malformed.increment()
        }
        guard let times = proxyFaults.note() else { return }
        logger.warning(
            "a connection without a PROXY header that counts is closed",
            metadata: [LogKeys.reason: "\(fault.reason)", LogKeys.client: "\(address)", LogKeys.times: "\(times)"])
    }

    func acceptFailed(_ code: Int32) {
        acceptFailures.increment()
        guard let times = shortages.note() else { return }
        logger.error(
            "no connection can be accepted: the process has no file descriptor or no memory left for it",
            metadata: [LogKeys.reason: "\(String(cString: strerror(code)))", LogKeys.times: "\(times)"])
    }

    func upstreamStarved() {
        guard let times = shortages.note() else { return }
        logger.error(
            "no connection to an upstream can be opened: the process has no file descriptor left for it",
            metadata: [LogKeys.reason: "\(String(cString: strerror(EMFILE)))", LogKeys.times: "\(times)"])
    }

    enum ProxyFault: Equatable {
        case untrusted, malformed

        var reason: String {
            switch self {
            case .untrusted: "trusted_proxies does not have its address"
            case .malformed: "it does not begin with a well-formed PROXY header"
            }
        }
    }
}

/// Lets one of many alike through, at most every ten seconds, with their number.
final class Occasionally: Sendable {
    private static let seconds: UInt64 = 10
    private let state = Mutex((untold: 0, next: UInt64(0)))

    /// How many there were since the last one that was told; nil when it is too early to tell.
    func note(at now: NIODeadline = .now()) -> Int? {
        state.withLock { state in
            state.untold += 1
            guard now.uptimeNanoseconds >= state.next else { return nil }
            state.next = now.uptimeNanoseconds &+ Self.seconds &* 1_000_000_000
            defer { state.untold = 0 }
            return state.untold
        }
    }
}
