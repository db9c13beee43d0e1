import Basics
import ProxyCore

extension RequestQuery {
    /// `limit=100`; nil without one.
    func limit(upTo most: Int) throws(AdminFailure) -> Int? { try count("limit", upTo: most) }

    /// `count=100`, or under another name; nil without one.
    func count(_ name: String = "count", upTo most: Int) throws(AdminFailure) -> Int? {
        guard let text = self[name], !text.isEmpty else { return nil }
        guard let count = Int(text), (1...most).contains(count) else {
            throw AdminFailure(.badRequest, "\(name) must be a number from 1 to \(most)")
        }
        return count
    }

    /// In seconds since 1970: these, a time with its offset, or the beginning of a day of the zone; nil without one.
    func instant(_ name: String, _ zone: Zone) throws(AdminFailure) -> Int? {
        guard let text = self[name], !text.isEmpty else { return nil }
        if let seconds = Int(text), (0...AdminTime.lastSecond).contains(seconds) { return seconds }
        if let seconds = AdminTime.seconds(text) { return seconds }
        if let date = LocalDate(text), AdminTime.seconds(text + "T00:00:00Z") != nil { return zone.start(of: date) }
        throw AdminFailure(.badRequest, "\(name) must be a time like 2026-11-26T00:00:00+08:00, or a day like 2026-11-26")
    }
}
