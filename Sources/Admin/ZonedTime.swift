import Basics
import Foundation
import ProxyCore

/// Writes instants as the configured time zone has them.
struct ZonedTime: Sendable {
    let zone: Zone

    /// `2026-02-11T14:00:05+08:00`.
    func iso(_ date: Date) -> String { iso(seconds: Int(clamping: date)) }

    /// The same, from seconds since 1970.
    func iso(seconds: Int) -> String { zone.text(seconds: seconds) }

    /// `2026-02-11T14:00:05.123456+08:00`; without the fraction where it is none.
    func iso(seconds: Int, microseconds: Int) -> String {
        let text = zone.text(seconds: seconds)
        guard (1..<1_000_000).contains(microseconds) else { return text }
        return text.prefix(19) + "." + RFC3339.padded(microseconds, 6) + text.dropFirst(19)
    }
}

extension Int {
    /// Whole seconds since 1970, within ±100,000 years.
    init(clamping date: Date) {
        let seconds = date.timeIntervalSince1970
        self = seconds.isFinite ? Int(Swift.max(-3.2e12, Swift.min(3.2e12, seconds.rounded(.down)))) : 0
    }
}
