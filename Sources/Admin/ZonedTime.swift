import Basics
import Foundation
import ProxyCore

/// Writes instants as the configured time zone has them.
struct ZonedTime: Sendable {
    let zone: Zone

    /// `2026-02-11T14:00:05+08:00`.
    func iso(_ date: Date) -> String { iso(seconds: Int(clamping: date)) }

    /// The same, from seconds since 1970.
    ///
    /// Before the year 1 and after the year 9999 it is their first and last second: nothing else can be written with four digits.
    func iso(seconds: Int) -> String {
        // A day outside, since an offset may lead back in.
        let seconds = min(max(seconds, Self.firstSecond - 86_400), Self.lastSecond + 86_400)
        let offset = zone.utcOffset(at: seconds)
        let local = min(max(seconds + offset, Self.firstSecond), Self.lastSecond)
        let text = RFC3339.text(local - offset, utcOffset: offset)
        return offset == 0 ? text.dropLast() + "+00:00" : text
    }

    /// The first second there is, by the clock on the wall.
    private static let firstSecond = -62_135_596_800
    private static let lastSecond = 253_402_300_799
}

extension Int {
    /// Whole seconds since 1970, within ±100,000 years.
    init(clamping date: Date) {
        let seconds = date.timeIntervalSince1970
        self = seconds.isFinite ? Int(Swift.max(-3.2e12, Swift.min(3.2e12, seconds.rounded(.down)))) : 0
    }
}
