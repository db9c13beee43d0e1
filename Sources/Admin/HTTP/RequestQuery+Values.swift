import Basics
import Foundation
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

    /// In seconds since 1970: these, a time with its offset, the beginning of a day of the zone, or so long back (`7d`); nil
    /// without one.
    func instant(_ name: String, _ zone: Zone) throws(AdminFailure) -> Int? {
        guard let text = self[name], !text.isEmpty else { return nil }
        if let seconds = Int(text), (0...AdminTime.lastSecond).contains(seconds) { return seconds }
        if let seconds = AdminTime.seconds(Self.signed(text)) { return seconds }
        if let date = LocalDate(text), AdminTime.seconds(text + "T00:00:00Z") != nil { return zone.start(of: date) }
        if let back = WrittenDuration.seconds(text) { return max(0, Int(clamping: Date()) - back) }
        throw AdminFailure(
            .badRequest,
            "\(name) must be a time like 2026-11-26T00:00:00+08:00, a day like 2026-11-26, or so long back as 7d")
    }

    /// The day of the zone that an instant is in; nil without one.
    func day(_ name: String, _ zone: Zone) throws(AdminFailure) -> LocalDate? {
        guard let text = self[name], !text.isEmpty else { return nil }
        if let date = LocalDate(text) { return date }
        guard let seconds = try instant(name, zone) else { return nil }
        guard let date = LocalDate(String(zone.text(seconds: seconds).prefix(10))) else {
            throw AdminFailure(.badRequest, "\(name) must be of the years 1970 to 9999")
        }
        return date
    }

    /// A blank before the offset at the end of a time is a `+` that was not encoded.
    private static func signed(_ text: String) -> String {
        var bytes = Array(text.utf8)
        let place = bytes.count - 6
        guard place >= 19, bytes[place] == UInt8(ascii: " "), bytes[place + 3] == UInt8(ascii: ":") else { return text }
        bytes[place] = UInt8(ascii: "+")
        return String(decoding: bytes, as: UTF8.self)
    }
}
