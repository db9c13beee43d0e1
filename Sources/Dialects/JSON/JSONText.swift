import Basics

/// The inside of JSON strings: escapes undone and made.
public enum JSONText {
    /// The text that `raw`, the bytes between a string's quotes, stands for. Unpaired surrogates and broken UTF-8 become U+FFFD.
    public static func decode(_ raw: UnsafeRawBufferPointer) -> String {
        guard raw.contains(0x5C) else { return String(decoding: raw, as: UTF8.self) }
        return String(decoding: bytes(raw), as: UTF8.self)
    }

    /// The first byte that is no white space, be it escaped; nil where there is none.
    static func firstVisible(of raw: UnsafeRawBufferPointer) -> UInt8? {
        var index = 0
        while index < raw.count {
            switch raw[index] {
            case 0x09, 0x0A, 0x0D, 0x20: index &+= 1
            case 0x5C where index &+ 1 < raw.count && [0x6E, 0x72, 0x74].contains(raw[index &+ 1]): index &+= 2
            default: return raw[index]
            }
        }
        return nil
    }

    /// Does what `decode` does, and gives UTF-8 bytes.
    public static func bytes(_ raw: UnsafeRawBufferPointer) -> [UInt8] {
        var out: [UInt8] = []
        append(decoded: raw, to: &out)
        return out
    }

    /// Appends what `raw` stands for to `out`.
    static func append(decoded raw: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        guard let base = raw.baseAddress else { return }
        out.reserveCapacity(out.count + raw.count)
        var index = 0
        while index < raw.count {
            var plain = index
            while plain < raw.count, base.load(fromByteOffset: plain, as: UInt8.self) != 0x5C { plain &+= 1 }
            if plain > index { out.append(contentsOf: raw.slice(index..<plain)) }
            index = plain
            guard index < raw.count else { return }
            index = append(escapeAt: index, of: raw, to: &out)
        }
    }

    /// Undoes the escape at `index`; returns the place after it (after both halves of a pair).
    private static func append(escapeAt index: Int, of raw: UnsafeRawBufferPointer, to out: inout [UInt8]) -> Int {
        guard index + 1 < raw.count else {
            append(scalar: 0xFFFD, to: &out)
            return raw.count
        }
        switch raw[index + 1] {
        case 0x62: out.append(0x08)
        case 0x66: out.append(0x0C)
        case 0x6E: out.append(0x0A)
        case 0x72: out.append(0x0D)
        case 0x74: out.append(0x09)
        case 0x75:
            guard let unit = codeUnit(at: index, of: raw) else {
                append(scalar: 0xFFFD, to: &out)
                return index + 2
            }
            if unit & 0xFC00 == 0xD800, let low = codeUnit(at: index + 6, of: raw), low & 0xFC00 == 0xDC00 {
                append(scalar: 0x10000 + (UInt32(unit & 0x3FF) << 10) + UInt32(low & 0x3FF), to: &out)
                return index + 12
            }
            append(scalar: unit & 0xF800 == 0xD800 ? 0xFFFD : UInt32(unit), to: &out)
            return index + 6
        default: out.append(raw[index + 1])
        }
        return index + 2
    }

    /// The UTF-16 unit of the escape (`\u` and four hexadecimal digits) at `index`; nil when none is there.
    static func codeUnit(at index: Int, of raw: UnsafeRawBufferPointer) -> UInt16? {
        guard index >= 0, index + 6 <= raw.count, raw[index] == 0x5C, raw[index + 1] == 0x75 else { return nil }
        var unit: UInt16 = 0
        for offset in 2..<6 {
            guard let digit = Hex.value(raw[index + offset]) else { return nil }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    /// Whether an unpaired surrogate escape is anywhere in `raw`.
    static func hasUnpairedSurrogate(_ raw: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < raw.count {
            guard raw[index] == 0x5C else {
                index &+= 1
                continue
            }
            guard let unit = codeUnit(at: index, of: raw) else {
                index &+= 2
                continue
            }
            if unit & 0xFC00 == 0xD800, let low = codeUnit(at: index + 6, of: raw), low & 0xFC00 == 0xDC00 {
                index &+= 12
                continue
            }
            if unit & 0xF800 == 0xD800 { return true }
            index &+= 6
        }
        return false
    }

    static func append(scalar: UInt32, to out: inout [UInt8]) {
        switch scalar {
        case 0..<0x80: out.append(UInt8(truncatingIfNeeded: scalar))
        case 0..<0x800:
            out.append(0xC0 | UInt8(truncatingIfNeeded: scalar >> 6))
            out.append(0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F))
        case 0..<0x10000:
            out.append(0xE0 | UInt8(truncatingIfNeeded: scalar >> 12))
            out.append(0x80 | UInt8(truncatingIfNeeded: scalar >> 6 & 0x3F))
            out.append(0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F))
        default:
            out.append(0xF0 | UInt8(truncatingIfNeeded: scalar >> 18 & 0x07))
            out.append(0x80 | UInt8(truncatingIfNeeded: scalar >> 12 & 0x3F))
            out.append(0x80 | UInt8(truncatingIfNeeded: scalar >> 6 & 0x3F))
            out.append(0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F))
        }
    }

    private static let hexDigits: StaticString = "0123456789abcdef"

    /// Appends `text` (UTF-8) to `out` as the inside of a JSON string. Neither `/` nor what is not ASCII is escaped.
    public static func append(escaping text: UnsafeRawBufferPointer, to out: inout [UInt8]) {
        guard let base = text.baseAddress else { return }
        var index = 0
        while index < text.count {
            let plain = ByteSearch.plainEnd(base, from: index, to: text.count)
            if plain > index { out.append(contentsOf: text.slice(index..<plain)) }
            index = plain
            guard index < text.count else { return }
            let byte = text[index]
            index &+= 1
            out.append(0x5C)
            switch byte {
            case 0x22, 0x5C: out.append(byte)
            case 0x08: out.append(0x62)
            case 0x0C: out.append(0x66)
            case 0x0A: out.append(0x6E)
            case 0x0D: out.append(0x72)
            case 0x09: out.append(0x74)
            default:
                out.append(0x75)
                out.append(0x30)
                out.append(0x30)
                out.append(hexDigits.utf8Start[Int(byte >> 4)])
                out.append(hexDigits.utf8Start[Int(byte & 15)])
            }
        }
    }

    /// Appends `text` to `out` as the inside of a JSON string.
    public static func append(escaping text: String, to out: inout [UInt8]) {
        var copy = text
        copy.withUTF8 { append(escaping: UnsafeRawBufferPointer($0), to: &out) }
    }

    /// `text` as a JSON string, quotes included.
    public static func quoted(_ text: String) -> [UInt8] {
        var out: [UInt8] = [0x22]
        append(escaping: text, to: &out)
        out.append(0x22)
        return out
    }
}

extension [UInt8] {
    /// Appends the bytes of `text`.
    @inline(__always)
    mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends `text` as UTF-8.
    @inline(__always)
    mutating func append(_ text: String) { append(contentsOf: text.utf8) }

    /// Appends `number` in decimal.
    mutating func append(decimal number: Int) {
        if number >= 0, number < 10 {
            append(0x30 &+ UInt8(truncatingIfNeeded: number))
        } else {
            append(contentsOf: String(number).utf8)
        }
    }

    /// Appends `text` as a JSON string, quotes included.
    mutating func append(jsonString text: String) {
        append(0x22)
        JSONText.append(escaping: text, to: &self)
        append(0x22)
    }
}
