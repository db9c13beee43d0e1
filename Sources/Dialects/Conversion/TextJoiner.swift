import Basics

/// Repairs escaped text that is cut into deltas: a surrogate pair that was torn apart is joined, one that stays alone becomes
/// U+FFFD, and so does broken UTF-8 (conversion.md 1.4).
struct TextJoiner: Sendable {
    /// A high surrogate's escape at the end of the last delta.
    private var held: [UInt8] = []

    private static let replacement = Array("\u{FFFD}".utf8)

    var isHolding: Bool { !held.isEmpty }

    /// Whether `text` cannot go through just as it is: nearly none does, and the look is cheap.
    @inline(__always)
    func needsWork(_ text: RawText) -> Bool {
        if !held.isEmpty { return true }
        guard let base = text.baseAddress else { return false }
        var index = ByteSearch.simpleEnd(base, from: 0, to: text.count)
        while index < text.count {
            // Every escape but one of a surrogate passes; what is not ASCII is checked.
            guard text[index] == UInt8(ascii: "\\"), index &+ 1 < text.count else { return true }
            if text[index &+ 1] == UInt8(ascii: "u") {
                if index &+ 2 < text.count, text[index &+ 2] | 0x20 == UInt8(ascii: "d") { return true }
                index &+= 2
            } else {
                index &+= 2
            }
            index = ByteSearch.simpleEnd(base, from: index, to: text.count)
        }
        return false
    }

    /// The text that may go on now.
    mutating func join(_ text: RawText) -> [UInt8] {
        var source = held
        held = []
        source.append(contentsOf: text)
        var out: [UInt8] = []
        out.reserveCapacity(source.count)
        let rest = source.withUnsafeBytes { raw in Self.repair(raw, into: &out) }
        if rest < source.count { held = Array(source[rest...]) }
        return out
    }

    /// Nothing follows: what is held stands for no character.
    mutating func release() -> [UInt8] {
        held = []
        return Self.replacement
    }

    /// Appends `raw` repaired; returns where a high surrogate at its very end begins (its count when there is none).
    private static func repair(_ raw: RawText, into out: inout [UInt8]) -> Int {
        var index = 0
        while index < raw.count {
            let byte = raw[index]
            if byte == UInt8(ascii: "\\") {
                guard let unit = JSONText.codeUnit(at: index, of: raw) else {
                    out.append(contentsOf: raw.slice(index..<index + 2))
                    index += 2
                    continue
                }
                if unit & 0xFC00 == 0xD800 {
                    if index + 6 == raw.count { return index }
                    if let low = JSONText.codeUnit(at: index + 6, of: raw), low & 0xFC00 == 0xDC00 {
                        out.append(contentsOf: raw.slice(index..<index + 12))
                        index += 12
                        continue
                    }
                }
                if unit & 0xF800 == 0xD800 { out += replacement } else { out.append(contentsOf: raw.slice(index..<index + 6)) }
                index += 6
            } else if byte < 0x80 {
                out.append(byte)
                index += 1
            } else {
                let length = scalarLength(raw, index)
                if length == 0 {
                    out += replacement
                    index += 1
                } else {
                    out.append(contentsOf: raw.slice(index..<index + length))
                    index += length
                }
            }
        }
        return index
    }

    /// The bytes of the well-formed UTF-8 sequence at `index`; 0 when there is none (Unicode 15, table 3-7).
    private static func scalarLength(_ raw: RawText, _ index: Int) -> Int {
        func next(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
            index + offset < raw.count && range.contains(raw[index + offset])
        }
        switch raw[index] {
        case 0xC2...0xDF: return next(1) ? 2 : 0
        case 0xE0: return next(1, 0xA0...0xBF) && next(2) ? 3 : 0
        case 0xED: return next(1, 0x80...0x9F) && next(2) ? 3 : 0
        case 0xE1...0xEF: return next(1) && next(2) ? 3 : 0
        case 0xF0: return next(1, 0x90...0xBF) && next(2) && next(3) ? 4 : 0
        case 0xF4: return next(1, 0x80...0x8F) && next(2) && next(3) ? 4 : 0
        case 0xF1...0xF3: return next(1) && next(2) && next(3) ? 4 : 0
        default: return 0
        }
    }
}
