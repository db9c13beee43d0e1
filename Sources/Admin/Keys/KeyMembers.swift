import Basics
import Dialects
import Foundation
import ProxyCore

/// What operators may say of a key.
enum KeyMembers {
    /// A member of their body must be there for it.
    static func name(_ value: JSONValue?) throws(AdminFailure) -> String {
        guard let name = value?.string else { throw AdminFailure(.badRequest, "name must be a text") }
        do throws(KeyFailure) {
            return try KeyName.validated(name)
        } catch {
            throw AdminFailure(.badRequest, error.description)
        }
    }

    static func policy(_ value: JSONValue?, _ configuration: Configuration) throws(AdminFailure) -> String {
        guard let value, !value.isNull else { return "default" }
        guard let name = value.string else { throw AdminFailure(.badRequest, "policy must be the name of a policy") }
        guard configuration.policies[name] != nil else {
            let names = configuration.policies.keys.sorted()
            let known = names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
            let shown = KeyName.isVisible(name) ? String(name.prefix(60)) : "…"
            throw AdminFailure(.badRequest, "no policy is called '\(shown)'; there are \(known)")
        }
        return name
    }

    static func tags(_ value: JSONValue?) throws(AdminFailure) -> [String: String] {
        guard let value, !value.isNull else { return [:] }
        guard let tags = value.stringMap else { throw AdminFailure(.badRequest, "tags must be an object of texts") }
        guard tags.count <= maximumTags else { throw AdminFailure(.badRequest, "a key has at most \(maximumTags) tags") }
        for (name, value) in tags {
            guard !name.isEmpty, name.utf8.count <= maximumTagName, value.utf8.count <= maximumTagValue else {
                throw AdminFailure(
                    .badRequest,
                    "a tag's name has 1 to \(maximumTagName) bytes, its value at most \(maximumTagValue)")
            }
            guard KeyName.isVisible(name), KeyName.isVisible(value) else {
                throw AdminFailure(.badRequest, "tags have visible characters only")
            }
        }
        return tags
    }

    private static let maximumTags = 32
    /// Bytes.
    private static let maximumTagName = 64
    private static let maximumTagValue = 256

    /// Seconds or milliseconds since 1970, an RFC 3339 time with its offset, a day of the zone, through which the key opens, or a
    /// duration from now on. Fractions are cut off.
    static func expires(_ value: JSONValue?, _ zone: Zone, _ now: Date) throws(AdminFailure) -> Int? {
        guard let value, !value.isNull else { return nil }
        let written =
            (value.int ?? value.double.flatMap { Int(exactly: $0.rounded(.down)) }).flatMap(Self.seconds)
            ?? value.string.flatMap { text in
                AdminTime.seconds(text) ?? Self.end(ofDay: text, zone)
                    ?? WrittenDuration.seconds(text).flatMap { Self.end(of: $0, now) }
            }
        guard let seconds = written else {
            throw AdminFailure(
                .badRequest,
                "expires must be seconds since 1970, a time like 2027-01-31T00:00:00+08:00, a day like 2027-01-31 or a duration "
                    + "like 30d")
        }
        guard seconds > Int(clamping: now) else { throw AdminFailure(.badRequest, "expires must lie ahead") }
        return seconds
    }

    /// The last second of a day.
    private static func end(ofDay text: String, _ zone: Zone) -> Int? {
        guard let date = LocalDate(text), AdminTime.seconds(text + "T00:00:00Z") != nil else { return nil }
        return min(zone.end(of: date) - 1, AdminTime.lastSecond)
    }

    private static func end(of seconds: Int, _ now: Date) -> Int? {
        let (end, overflow) = Int(clamping: now).addingReportingOverflow(seconds)
        return overflow || end > AdminTime.lastSecond ? nil : end
    }

    /// The end of the year 9999 in seconds is the February of 1978 in milliseconds: what is greater is milliseconds.
    private static func seconds(_ number: Int) -> Int? {
        if number <= AdminTime.lastSecond { return number >= 0 ? number : nil }
        let seconds = number / 1000
        // Milliseconds of the last century are meant as seconds of after the year 9999.
        return (946_684_800...AdminTime.lastSecond).contains(seconds) ? seconds : nil
    }
}

/// Times in what operators send.
enum AdminTime {
    /// The end of the year 9999, in seconds since 1970.
    static let lastSecond = 253_402_300_799

    /// Seconds since 1970, and the fraction of the second.
    struct Instant {
        var seconds: Int
        /// 0 to 999,999.
        var microseconds: Int
    }

    /// Seconds since 1970; fractions are cut off.
    static func seconds(_ text: String) -> Int? { instant(text)?.seconds }

    /// nil for anything but a time with its offset, of the years 1970 to 9999, that the calendar and the clock have.
    static func instant(_ text: String) -> Instant? {
        // A time without an offset is somebody's, but whose?
        let tail = text.utf8.dropFirst(19)
        let hasOffset = tail.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") || $0 | 0x20 == UInt8(ascii: "z") }
        guard hasOffset, let instant = RFC3339.parse(text, .lenient), (0...lastSecond).contains(instant.seconds) else {
            return nil
        }
        return Instant(seconds: instant.seconds, microseconds: instant.nanoseconds / 1_000)
    }
}
