import Dialects
import Foundation
import ProxyCore
import Testing

import enum Basics.Hex

@testable import Admin

@Suite struct TextTests {
    @Test(
        "Instants carry the configured zone's offset",
        arguments: [
            (0, "Asia/Singapore", "1970-01-01T07:30:00+07:30"), (0, "UTC", "1970-01-01T00:00:00+00:00"),
            (1_770_789_800, "Asia/Singapore", "2026-02-11T14:03:20+08:00"),
            (1_770_789_800, "America/New_York", "2026-02-11T01:03:20-05:00"),
            (1_782_864_000, "America/St_Johns", "2026-06-30T21:30:00-02:30"), (-1, "UTC", "1969-12-31T23:59:59+00:00"),
            (951_782_400, "UTC", "2000-02-29T00:00:00+00:00"), (253_402_300_799, "UTC", "9999-12-31T23:59:59+00:00"),
        ])
    func instants(seconds: Int, zone: String, text: String) throws {
        let zone = try #require(Zone(zone))
        #expect(ZonedTime(zone: zone).iso(seconds: seconds) == text)
    }

    @Test(
        "Times as operators write them",
        arguments: [
            ("2027-01-31T00:00:00+08:00", 1_801_324_800 as Int?), ("2027-01-30T16:00:00Z", 1_801_324_800),
            ("2027-01-30T16:00:00.5Z", 1_801_324_800), ("2027-01-31", nil), ("", nil), ("tomorrow", nil),
        ])
    func times(text: String, seconds: Int?) {
        #expect(AdminTime.seconds(text) == seconds)
    }

    @Test(
        "Paths are decoded segment by segment",
        arguments: [
            ("/a/b", ["a", "b"] as [String]?, false), ("/a%2Fb/c", ["a/b", "c"], false), ("/a/", ["a"], true), ("/", [], true),
            ("/%E2%82%AC", ["€"], false), ("/a+b", ["a+b"], false), ("a", nil, false), ("", nil, false), ("/%4", nil, false),
            ("/%g1", nil, false), ("/%C3", nil, false),
        ])
    func paths(encoded: String, segments: [String]?, hasTrailingSlash: Bool) {
        let path = RequestPath(encoded)
        #expect(path?.segments == segments)
        if let path { #expect(path.hasTrailingSlash == hasTrailingSlash) }
    }

    @Test(
        "Queries are decoded as forms are",
        arguments: [
            ("a=1&b=2", "b", "2" as String?), ("a=1&a=2", "a", "1"), ("a", "a", ""), ("a=b=c", "a", "b=c"),
            ("a=x+y%26z", "a", "x y&z"),
            ("%61=1", "a", "1"), ("a=%", "a", nil), ("", "a", nil), ("&&=1", "a", nil),
        ])
    func queries(encoded: String, name: String, value: String?) {
        #expect(RequestQuery(encoded)[name] == value)
    }

    @Test(
        "A query that would be answered in part is refused",
        arguments: [
            ("", true), ("a=1&b=2", true), ("b=1&b=2", true), ("a=1&a=1", false), ("a&%61", false), ("a=%FF", false),
            ("%FF=a", false),
            ("a=%", false),
        ])
    func checkedQueries(encoded: String, isGood: Bool) {
        let isRefused = (try? RequestQuery(encoded).check(repeatable: ["b"])) == nil
        #expect(isRefused != isGood)
    }

    @Test(
        "Addresses to call",
        arguments: [
            ("http://127.0.0.1:18789/webhook/lark?a=b", "http://127.0.0.1:18789" as String?, "/webhook/lark?a=b"),
            ("https://open.larksuite.com", "https://open.larksuite.com", "/"),
            ("HTTPS://x.example/base/", "https://x.example", "/base/"),
            ("http://[::1]:80/x", "http://[::1]", "/x"), ("ftp://x", nil, ""), ("x.example/a", nil, ""), ("", nil, ""),
            ("http://user:pw@x.example/", nil, ""), ("http://x.example:70000/", nil, ""), ("http:///a", nil, ""),
            ("http://h:8080/cards?x=1#y", "http://h:8080", "/cards?x=1"), ("HTTPS://host?q", "https://host", "/?q"),
            ("http://[::1]:81/a%20b", "http://[::1]:81", "/a%20b"), ("http://", nil, ""), ("http://h:0", nil, ""),
            ("http://h:x", nil, ""), ("http://h:+1", nil, ""), ("http://a b", nil, ""), ("http://::1/", nil, ""),
            ("http://h\u{F6}st", nil, ""),
        ])
    func addresses(text: String, url: String?, target: String) {
        let address = OutgoingAddress(text)
        #expect(address?.url.description == url)
        if let address { #expect(address.target == target) }
    }

    @Test(
        "A path below an address keeps the address's own",
        arguments: [
            ("https://x.example", "/open-apis/a"), ("https://x.example/", "/open-apis/a"),
            ("https://x.example/base/?q", "/base/open-apis/a"),
        ])
    func below(text: String, target: String) {
        #expect(OutgoingAddress(text)?.target(below: "/open-apis/a") == target)
    }

    @Test("Hexadecimal digits", arguments: [("00ff", [0, 255] as [UInt8]?), ("0G", nil), ("abc", nil), ("", []), ("é0", nil)])
    func hex(text: String, bytes: [UInt8]?) {
        #expect(Hex.bytes(text) == bytes)
    }
}
