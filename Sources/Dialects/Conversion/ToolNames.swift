import Basics

/// Tool names as the upstream takes them, and the way back to the client's own.
struct ToolNames: Sendable {
    private let upstream: Dialect
    private var sent: [String: String] = [:]
    private var taken: Set<String> = []
    /// From the name the upstream knows to the client's, where they differ.
    private(set) var back: [String: String] = [:]

    init(_ upstream: Dialect) { self.upstream = upstream }

    /// The name to send for the client's `name`. The same name always gives the same.
    mutating func send(_ name: String) -> String {
        if let known = sent[name] { return known }
        var legal = Self.legal(name, upstream)
        if !taken.insert(legal).inserted {
            // Two names that become one are told apart by what they were.
            legal = String(legal.prefix(55)) + "_" + SHA256.hex(name, 8)
            taken.insert(legal)
        }
        sent[name] = legal
        if legal != name { back[legal] = name }
        return legal
    }

    private static func legal(_ name: String, _ upstream: Dialect) -> String {
        let longest: Int
        switch upstream {
        case .openai, .azure, .responses: longest = 64
        case .anthropic, .gemini: longest = 128
        }
        var bytes: [UInt8] = []
        for scalar in name.unicodeScalars {
            // One stroke for each character, however many bytes it has.
            let byte = scalar.isASCII ? UInt8(truncatingIfNeeded: scalar.value) : 0x5F
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D: bytes.append(byte)
            case 0x2E, 0x3A: bytes.append(upstream == .gemini ? byte : 0x5F)
            default: bytes.append(0x5F)
            }
        }
        if bytes.isEmpty { bytes = Array("tool".utf8) }
        if upstream == .gemini, let first = bytes.first, first &- 0x30 < 10 || first == 0x2D || first == 0x2E || first == 0x3A {
            bytes.insert(0x5F, at: 0)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard bytes.count > longest else { return text }
        return String(text.prefix(55)) + "_" + SHA256.hex(name, 8)
    }
}

/// Tool call ids as the upstream takes them. A function of the client's ids alone, so that a history always converts alike.
struct ToolIDs: Sendable {
    private let upstream: Dialect
    private var sent: [String: String] = [:]
    private var taken: Set<String> = []
    /// The next number to try for an id that several of the client's become.
    private var numbers: [String: Int] = [:]

    init(_ upstream: Dialect) { self.upstream = upstream }

    /// The id to send for the client's `id`.
    mutating func send(_ id: String) -> String {
        if let known = sent[id] { return known }
        var legal = Self.legal(id, upstream)
        if taken.contains(legal) {
            var number = numbers[legal, default: 2]
            while taken.contains("\(legal)_\(number)") { number += 1 }
            numbers[legal] = number + 1
            legal = "\(legal)_\(number)"
        }
        sent[id] = legal
        taken.insert(legal)
        return legal
    }

    private static func legal(_ id: String, _ upstream: Dialect) -> String {
        switch upstream {
        case .openai, .azure: return id.utf8.count > 40 ? "call_" + SHA256.hex(id, 32) : id
        case .responses: return id.utf8.count > 64 ? "call_" + SHA256.hex(id, 32) : id
        case .gemini: return id
        case .anthropic:
            if id.isEmpty { return "toolu_" + SHA256.hex(id, 24) }
            let bytes = id.unicodeScalars.map { scalar in
                scalar.isASCII && isWord(UInt8(truncatingIfNeeded: scalar.value)) ? UInt8(truncatingIfNeeded: scalar.value) : 0x5F
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2D: true
        default: false
        }
    }
}
