/// Swift source as words, signs and literals, each with its line; comments are left out.
///
/// It knows as much of the language as the rules of the house ask for: enough to find braces that are code, and what
/// literals hold.
struct SwiftTokens: Sendable {
    enum Kind: Equatable, Sendable {
        case word(String)
        case sign(UInt8)
        /// What is between the quotes, as written; the code of interpolations is left out.
        case literal(String)
    }

    struct Token: Equatable, Sendable {
        var kind: Kind
        var line: Int

        func isSign(_ character: Character) -> Bool { kind == .sign(character.asciiValue ?? 0) }
        var word: String? { if case .word(let word) = kind { word } else { nil } }
    }

    private(set) var tokens: [Token] = []
    private let bytes: [UInt8]
    private var index = 0
    private var line = 1

    init(_ text: String) {
        bytes = Array(text.utf8)
        readCode(until: nil)
    }

    private func byte(_ offset: Int = 0) -> UInt8 { index + offset < bytes.count ? bytes[index + offset] : 0 }

    private mutating func step() {
        if byte() == UInt8(ascii: "\n") { line += 1 }
        index += 1
    }

    /// Reads up to the parenthesis that closes an interpolation, or to the end.
    private mutating func readCode(until end: UInt8?) {
        var depth = 0
        while index < bytes.count {
            let next = byte()
            if let end {
                if next == UInt8(ascii: "(") { depth += 1 }
                if next == end {
                    depth -= 1
                    if depth == 0 {
                        step()
                        return
                    }
                }
            }
            if next == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "/") {
                while index < bytes.count, byte() != UInt8(ascii: "\n") { step() }
            } else if next == UInt8(ascii: "/"), byte(1) == UInt8(ascii: "*") {
                skipComment()
            } else if next == UInt8(ascii: "\"") || (next == UInt8(ascii: "#") && startsRawLiteral) {
                readLiteral()
            } else if Self.isWord(next) {
                let start = index
                while Self.isWord(byte()) { step() }
                tokens.append(Token(kind: .word(String(decoding: bytes[start..<index], as: UTF8.self)), line: line))
            } else {
                if next > 0x20 { tokens.append(Token(kind: .sign(next), line: line)) }
                step()
            }
        }
    }

    private mutating func skipComment() {
        var depth = 0
        while index < bytes.count {
            let (first, second) = (byte(), byte(1))
            if first == UInt8(ascii: "/"), second == UInt8(ascii: "*") {
                depth += 1
                step()
            } else if first == UInt8(ascii: "*"), second == UInt8(ascii: "/") {
                depth -= 1
                step()
            }
            step()
            if depth == 0 { return }
        }
    }

    private var startsRawLiteral: Bool {
        var offset = 0
        while byte(offset) == UInt8(ascii: "#") { offset += 1 }
        return byte(offset) == UInt8(ascii: "\"")
    }

    private mutating func readLiteral() {
        let begun = line
        var hashes = 0
        while byte() == UInt8(ascii: "#") {
            hashes += 1
            step()
        }
        let quotes = closes(3, 0) ? 3 : 1
        for _ in 0..<quotes { step() }
        var content: [UInt8] = []
        // The literal stands before what its interpolations hold.
        let place = tokens.count
        tokens.append(Token(kind: .literal(""), line: begun))
        while index < bytes.count {
            if closes(quotes, hashes) {
                for _ in 0..<(quotes + hashes) { step() }
                break
            }
            if byte() == UInt8(ascii: "\\"), (1...max(hashes, 1)).allSatisfy({ hashes == 0 || byte($0) == UInt8(ascii: "#") }) {
                let escape = byte(1 + hashes)
                if escape == UInt8(ascii: "(") {
                    for _ in 0...hashes { step() }
                    readCode(until: UInt8(ascii: ")"))
                    continue
                }
                for _ in 0...hashes {
                    content.append(byte())
                    step()
                }
            }
            content.append(byte())
            step()
        }
        tokens[place].kind = .literal(String(decoding: content, as: UTF8.self))
    }

    private func closes(_ quotes: Int, _ hashes: Int) -> Bool {
        (0..<quotes).allSatisfy { byte($0) == UInt8(ascii: "\"") }
            && (0..<hashes).allSatisfy { byte(quotes + $0) == UInt8(ascii: "#") }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "`") || byte >= 0x80
    }
}
