/// How far a place's clocks are ahead of UTC, and since when: a compiled zone of the IANA database (TZif, RFC 9636).
public struct ZoneRules: Sendable, Hashable {
    /// Instants from which on the offset beside them holds, seconds since 1970, rising.
    private let instants: [Int]
    private let offsets: [Int]
    /// The offset before the first instant.
    private let earliest: Int
    /// The rule after the last one.
    private let rule: DaylightRule?

    /// Coordinated universal time.
    public static let utc = ZoneRules(instants: [], offsets: [], earliest: 0, rule: nil)

    /// Rules that never change; nil for more than a day.
    public static func fixed(utcOffset: Int) -> ZoneRules? {
        utcOffset.magnitude > 86_400 ? nil : ZoneRules(instants: [], offsets: [], earliest: utcOffset, rule: nil)
    }

    private init(instants: [Int], offsets: [Int], earliest: Int, rule: DaylightRule?) {
        self.instants = instants
        self.offsets = offsets
        self.earliest = earliest
        self.rule = rule
    }

    /// Reads a file of the compiled database; nil for what is none. Versions 2 and later only: nothing older is installed anywhere.
    public init?(tzif bytes: [UInt8]) {
        var reader = TZifReader(bytes)
        guard let first = reader.header(), first.version >= 0x32, reader.skip(first.bodySize(timeSize: 4)),
            let header = reader.header(), header.typeCount > 0, header.charCount > 0
        else { return nil }
        var instants: [Int] = []
        for _ in 0..<header.timeCount {
            guard let instant = reader.integer(8) else { return nil }
            // The first may be the beginning of time; what matters is that they rise.
            guard instant > instants.last ?? .min else { return nil }
            instants.append(instant)
        }
        var indices: [Int] = []
        for _ in 0..<header.timeCount {
            guard let index = reader.byte(), index < header.typeCount else { return nil }
            indices.append(index)
        }
        var types: [(offset: Int, isDaylight: Bool)] = []
        for _ in 0..<header.typeCount {
            guard let offset = reader.integer(4), let isDaylight = reader.byte(), reader.byte() != nil,
                offset.magnitude < 93_600
            else { return nil }
            types.append((offset, isDaylight != 0))
        }
        guard reader.skip(header.charCount + header.leapCount * 12 + header.standardCount + header.universalCount) else {
            return nil
        }
        let footer = reader.footer()
        self.init(
            instants: instants, offsets: indices.map { types[$0].offset }, earliest: types[0].offset,
            rule: footer.isEmpty ? nil : DaylightRule(footer))
    }

    /// Seconds east of UTC at an instant (seconds since 1970).
    public func utcOffset(at instant: Int) -> Int {
        guard let last = instants.last, instant < last else {
            if let rule { return rule.utcOffset(at: instant) }
            return offsets.last ?? earliest
        }
        // The first instant that is later; the offset before it holds.
        var low = 0
        var high = instants.count
        while low < high {
            let middle = (low + high) / 2
            if instants[middle] > instant { high = middle } else { low = middle + 1 }
        }
        return low == 0 ? earliest : offsets[low - 1]
    }
}

/// Big-endian numbers, never beyond the end.
private struct TZifReader {
    struct Header {
        var version: UInt8
        var universalCount: Int
        var standardCount: Int
        var leapCount: Int
        var timeCount: Int
        var typeCount: Int
        var charCount: Int

        func bodySize(timeSize: Int) -> Int {
            timeCount * (timeSize + 1) + typeCount * 6 + charCount + leapCount * (timeSize + 4) + standardCount + universalCount
        }
    }

    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func byte() -> Int? {
        guard index < bytes.count else { return nil }
        defer { index += 1 }
        return Int(bytes[index])
    }

    mutating func skip(_ count: Int) -> Bool {
        guard count >= 0, bytes.count - index >= count else { return false }
        index += count
        return true
    }

    /// A signed number of 4 or 8 bytes.
    mutating func integer(_ size: Int) -> Int? {
        guard bytes.count - index >= size else { return nil }
        var value: UInt64 = 0
        for _ in 0..<size {
            value = value << 8 | UInt64(bytes[index])
            index += 1
        }
        return size == 4 ? Int(Int32(truncatingIfNeeded: value)) : Int(Int64(bitPattern: value))
    }

    mutating func header() -> Header? {
        guard bytes.count - index >= 44, bytes[index..<index + 4].elementsEqual("TZif".utf8) else { return nil }
        let version = bytes[index + 4]
        index += 20
        var counts: [Int] = []
        for _ in 0..<6 {
            guard let count = integer(4), (0...65_536).contains(count) else { return nil }
            counts.append(count)
        }
        return Header(
            version: version, universalCount: counts[0], standardCount: counts[1], leapCount: counts[2], timeCount: counts[3],
            typeCount: counts[4], charCount: counts[5])
    }

    /// The line that says what holds after the last instant.
    mutating func footer() -> ArraySlice<UInt8> {
        guard index < bytes.count, bytes[index] == 0x0A else { return [] }
        return bytes[(index + 1)...].prefix { $0 != 0x0A }
    }
}
