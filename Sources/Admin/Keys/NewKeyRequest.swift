import Dialects
import Foundation
import ProxyCore

/// The body of `POST /admin/keys`: `{"name", "policy"?, "tags"?, "expires"?}`.
struct NewKeyRequest {
    let name: String
    let policy: String
    let tags: [String: String]
    /// Seconds since 1970.
    let expires: Int?

    init(_ body: [UInt8], configuration: Configuration, now: Date) throws(AdminFailure) {
        let object = try AdminBody.object(body)
        for member in object.members where !["name", "policy", "tags", "expires"].contains(member.key) {
            throw AdminFailure(.badRequest, "'\(member.key)' is not known; a key has name, policy, tags, expires")
        }
        guard let name = object["name"]?.string else { throw AdminFailure(.badRequest, "name must be a text") }
        do throws(KeyFailure) {
            self.name = try KeyName.validated(name)
        } catch {
            throw AdminFailure(.badRequest, error.description)
        }
        policy = try Self.policy(object["policy"], configuration)
        tags = try Self.tags(object["tags"])
        expires = try Self.expires(object["expires"], now)
    }

    private static func policy(_ value: JSONValue?, _ configuration: Configuration) throws(AdminFailure) -> String {
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

    private static func tags(_ value: JSONValue?) throws(AdminFailure) -> [String: String] {
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

    /// Seconds or milliseconds since 1970, or an RFC 3339 time with its offset.
    private static func expires(_ value: JSONValue?, _ now: Date) throws(AdminFailure) -> Int? {
        guard let value, !value.isNull else { return nil }
        guard let seconds = value.int.flatMap(Self.seconds) ?? value.string.flatMap(RFC3339.seconds) else {
            throw AdminFailure(
                .badRequest,
                "expires must be seconds or milliseconds since 1970 or a time like 2027-01-31T00:00:00+08:00, "
                    + "until the year 9999")
        }
        guard seconds > Int(clamping: now) else { throw AdminFailure(.badRequest, "expires must lie ahead") }
        return seconds
    }

    /// The end of the year 9999 in seconds is the February of 1978 in milliseconds: what is greater is milliseconds.
    private static func seconds(_ number: Int) -> Int? {
        if number <= RFC3339.lastSecond { return number >= 0 ? number : nil }
        let seconds = number / 1000
        // Milliseconds of the last century are meant as seconds of after the year 9999.
        return (946_684_800...RFC3339.lastSecond).contains(seconds) ? seconds : nil
    }
}

enum RFC3339 {
    /// The end of the year 9999, in seconds since 1970.
    static let lastSecond = 253_402_300_799

    /// Seconds since 1970; fractions are cut off. nil for anything but a time with its offset, of the years 1970 to 9999, that the
    /// calendar and the clock have.
    static func seconds(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard (20...64).contains(bytes.count), LocalDate(String(decoding: bytes[..<10], as: UTF8.self)) != nil,
            let year = number(bytes[..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
            bytes[10] == UInt8(ascii: " ") || bytes[10] | 0x20 == UInt8(ascii: "t"), bytes[13] == colon, bytes[16] == colon,
            let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        var rest = bytes[19...]
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { isDigit($0) }
            guard !digits.isEmpty else { return nil }
            rest = rest[digits.endIndex...]
        }
        guard let offset = offset(rest) else { return nil }
        let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset
        return (0...lastSecond).contains(seconds) ? seconds : nil
    }

    private static let colon = UInt8(ascii: ":")

    /// `Z`, `+08:00` or `-0330`, in seconds.
    private static func offset(_ bytes: ArraySlice<UInt8>) -> Int? {
        if bytes.count == 1, let only = bytes.first { return only | 0x20 == UInt8(ascii: "z") ? 0 : nil }
        let digits = bytes.dropFirst().filter { $0 != colon }
        guard let sign = bytes.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), digits.count == 4,
            bytes.count == 5 || bytes.count == 6 && bytes[bytes.startIndex + 3] == colon,
            let hours = number(digits[..<2]), let minutes = number(digits[2...]), hours < 24, minutes < 60
        else { return nil }
        return (hours * 3_600 + minutes * 60) * (sign == UInt8(ascii: "+") ? 1 : -1)
    }

    /// Of at most four digits.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        digits.allSatisfy(isDigit) ? digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } : nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Days from 1970-01-01 (Howard Hinnant's `days_from_civil`).
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
