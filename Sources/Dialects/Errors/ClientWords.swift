import Basics

/// Names that a request brought with it. Vendors repeat them in what they refuse, with quotes or without: none of them may put a
/// word into a vendor's mouth.
struct ClientWords: Sendable {
    static let none = ClientWords([])

    /// The names in lower case; escaped ones also without their escapes. The longest come first: a name may hold another.
    private let names: [[UInt8]]

    init(_ names: [String]) {
        var found: [[UInt8]] = []
        for name in names where !name.isEmpty && name != "*" {
            let name = name.utf8.map(ASCII.lowercased)
            for form in [name, Self.decoded(name)] where !found.contains(form) { found.append(form) }
        }
        self.names = found.sorted { $0.count > $1.count }
    }

    /// Whether a phrase is part of a name: where a vendor says it, it may be a piece of one.
    func hold(_ phrase: StaticString) -> Bool {
        names.contains { name in name.withUnsafeBytes { ByteSearch.contains(phrase, in: $0) } }
    }

    /// A vendor's text with blanks where the names stand, as they are or percent-encoded, but not within words.
    func blanked(_ text: String) -> String {
        guard !names.isEmpty else { return text }
        var bytes = Array(text.utf8)
        var isChanged = false
        for name in names {
            var index = 0
            while index < bytes.count {
                guard index == 0 || !Self.isWord(bytes[index - 1]), let end = Self.end(of: name, in: bytes, at: index),
                    end == bytes.count || !Self.isWord(bytes[end])
                else {
                    index += 1
                    continue
                }
                for place in index..<end { bytes[place] = UInt8(ascii: " ") }
                isChanged = true
                index = end
            }
        }
        return isChanged ? String(decoding: bytes, as: UTF8.self) : text
    }

    /// Where a spelling of `name` ends that begins at `start`.
    private static func end(of name: [UInt8], in text: [UInt8], at start: Int) -> Int? {
        var index = start
        for wanted in name {
            guard index < text.count else { return nil }
            if ASCII.lowercased(text[index]) == wanted || (wanted == UInt8(ascii: " ") && text[index] == UInt8(ascii: "+")) {
                index += 1
            } else if let byte = escaped(text, index), ASCII.lowercased(byte) == wanted {
                index += 3
            } else {
                return nil
            }
        }
        return index
    }

    /// The byte that a percent escape at `index` stands for.
    private static func escaped(_ text: [UInt8], _ index: Int) -> UInt8? {
        guard index + 2 < text.count, text[index] == UInt8(ascii: "%"), let high = Hex.value(text[index + 1]),
            let low = Hex.value(text[index + 2])
        else { return nil }
        return UInt8(truncatingIfNeeded: high) << 4 | UInt8(truncatingIfNeeded: low)
    }

    private static func decoded(_ name: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var index = 0
        while index < name.count {
            let byte = escaped(name, index)
            out.append(ASCII.lowercased(byte ?? name[index]))
            index += byte == nil ? 1 : 3
        }
        return out
    }

    private static func isWord(_ byte: UInt8) -> Bool { ASCII.isAlphanumeric(byte) || byte >= 0x80 }
}
