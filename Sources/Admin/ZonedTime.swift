import Foundation
import ProxyCore

/// Writes instants as the configured time zone has them.
struct ZonedTime: Sendable {
    let zone: Zone

    /// `2026-02-11T14:00:05+08:00`.
    func iso(_ date: Date) -> String { iso(seconds: Int(clamping: date)) }

    /// The same, from seconds since 1970.
    func iso(seconds: Int) -> String { zone.text(seconds: seconds) }
}

extension Int {
    /// Whole seconds since 1970, within ±100,000 years.
    init(clamping date: Date) {
        let seconds = date.timeIntervalSince1970
        self = seconds.isFinite ? Int(Swift.max(-3.2e12, Swift.min(3.2e12, seconds.rounded(.down)))) : 0
    }
}
