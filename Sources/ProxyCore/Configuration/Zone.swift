import Basics
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A time zone of the system's database, by its IANA name.
public struct Zone: Sendable, Hashable {
    /// `Asia/Singapore`
    public let name: String
    private let rules: ZoneRules

    public static let utc = Zone(name: "UTC", rules: .utc)

    /// A zone that is always as far from UTC.
    public static func fixed(utcOffset: Int) -> Zone? {
        ZoneRules.fixed(utcOffset: utcOffset).map { Zone(name: "UTC\(RFC3339.offsetText(utcOffset))", rules: $0) }
    }

    private init(name: String, rules: ZoneRules) {
        self.name = name
        self.rules = rules
    }

    /// Reads the zone; nil for a name that the database does not have. UTC needs no database.
    public init?(_ name: String) {
        if ["UTC", "GMT", "Etc/UTC", "Z"].contains(name) {
            self = .utc
            return
        }
        guard Self.isName(name) else { return nil }
        for directory in Self.directories {
            guard let bytes = Self.read("\(directory)/\(name)"), let rules = ZoneRules(tzif: bytes) else { continue }
            self.init(name: name, rules: rules)
            return
        }
        return nil
    }

    /// Seconds east of UTC at an instant, in seconds since 1970.
    public func utcOffset(at instant: Int) -> Int { rules.utcOffset(at: instant) }

    public static func == (a: Zone, b: Zone) -> Bool { a.name == b.name && a.rules == b.rules }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }

    // MARK: The database

    private static let directories = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo"]
    /// The largest file of the database has under 4 KB.
    private static let maximumBytes = 128 << 10

    /// Every name of the database, for suggestions.
    public static var knownNames: [String] {
        guard let bytes = directories.lazy.compactMap({ read("\($0)/tzdata.zi") }).first else { return [] }
        return bytes.split(separator: 0x0A).compactMap { line in
            let words = line.split(separator: UInt8(ascii: " "))
            switch words.first {
            case [UInt8(ascii: "Z")] where words.count > 1: return String(decoding: words[1], as: UTF8.self)
            case [UInt8(ascii: "L")] where words.count > 2: return String(decoding: words[2], as: UTF8.self)
            default: return nil
            }
        }
    }

    /// A relative path of letters, digits, `_`, `+` and `-`, that cannot leave the database.
    private static func isName(_ name: String) -> Bool {
        guard name.utf8.count <= 64, name.utf8.first.map({ ASCII.isLetter($0) }) == true else { return false }
        return name.utf8.allSatisfy { byte in
            ASCII.isAlphanumeric(byte) || "/_+-".utf8.contains(byte)
        }
    }

    private static func read(_ path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count < maximumBytes {
            let count = Glibc.read(file, &chunk, chunk.count)
            guard count > 0 else { return count == 0 ? bytes : nil }
            bytes += chunk[..<count]
        }
        return nil
    }
}

/// Zones that conditions name, each read once.
enum Zones {
    private static let known = Mutex<[String: Zone]>([:])
    /// Zones come from the configuration, but a condition may also compute one.
    private static let capacity = 1000

    /// Seconds east of UTC; nil for a zone that is not known.
    static func offset(of name: String, at second: Int) -> Int? {
        let zone = known.withLock { zones -> Zone? in
            if let zone = zones[name] { return zone }
            guard let zone = Zone(name) else { return nil }
            if zones.count >= capacity { zones = [:] }
            zones[name] = zone
            return zone
        }
        return zone?.utcOffset(at: second)
    }
}

extension Zone {
    /// An instant as this zone has it, `2026-02-11T14:00:05+08:00`, from seconds since 1970.
    ///
    /// Before the year 1 and after the year 9999 it is their first and last second: nothing else can be written with four digits.
    public func text(seconds: Int) -> String {
        // A day outside, since an offset may lead back in.
        let seconds = min(max(seconds, Self.firstSecond - 86_400), Self.lastSecond + 86_400)
        let offset = utcOffset(at: seconds)
        let local = min(max(seconds + offset, Self.firstSecond), Self.lastSecond)
        let text = RFC3339.text(local - offset, utcOffset: offset)
        return offset == 0 ? text.dropLast() + "+00:00" : text
    }

    /// The first second there is, by the clock on the wall.
    private static let firstSecond = -62_135_596_800
    private static let lastSecond = 253_402_300_799
}
