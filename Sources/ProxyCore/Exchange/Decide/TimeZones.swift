import Foundation
import Synchronization

/// Time zone data for the rules, from the system's own database; zones are looked up once.
enum TimeZones {
    private static let known = Mutex<[String: TimeZone]>([:])
    /// Zones come from the configuration, but a condition may also compute one.
    private static let capacity = 1000

    /// Seconds east of UTC; nil for a zone that is not known.
    static func offset(of name: String, at second: Int) -> Int? {
        let zone = known.withLock { zones -> TimeZone? in
            if let zone = zones[name] { return zone }
            guard let zone = TimeZone(identifier: name) else { return nil }
            if zones.count >= capacity { zones = [:] }
            zones[name] = zone
            return zone
        }
        return zone?.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
    }
}
