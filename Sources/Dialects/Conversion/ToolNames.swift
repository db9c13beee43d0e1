import Basics

/// Tool names as the upstream takes them, and the way back to the client's own.
struct ToolNames: Sendable {
    private let rules: ToolNameRules
    private var sent: [String: String] = [:]
    private var taken: Set<String> = []
    /// The client's name for the one that the upstream knows, where they differ.
    private(set) var back: [String: String] = [:]

    init(_ rules: ToolNameRules) { self.rules = rules }

    /// The name to send for the client's `name`. The same name always gives the same.
    mutating func send(_ name: String) -> String {
        if let known = sent[name] { return known }
        var legal = Self.legal(name, rules)
        if !taken.insert(legal).inserted {
            // Two names that become one are told apart by what they were.
            legal = String(legal.prefix(55)) + "_" + SHA256.hex(name, 8)
            taken.insert(legal)
        }
        sent[name] = legal
        if legal != name { back[legal] = name }
        return legal
    }

    private static func legal(_ name: String, _ rules: ToolNameRules) -> String {
        var bytes: [UInt8] = []
        for scalar in name.unicodeScalars {
            // One stroke for each character, however many bytes it has.
            let byte = scalar.isASCII ? UInt8(truncatingIfNeeded: scalar.value) : UInt8(ascii: "_")
            switch byte {
            case _ where ToolIDs.isWord(byte): bytes.append(byte)
            case UInt8(ascii: "."), UInt8(ascii: ":"): bytes.append(rules.takesDots ? byte : UInt8(ascii: "_"))
            default: bytes.append(UInt8(ascii: "_"))
            }
        }
        if bytes.isEmpty { bytes = Array("tool".utf8) }
        if rules.takesDots, let first = bytes.first, ASCII.isDigit(first) || "-.:".utf8.contains(first) {
            bytes.insert(UInt8(ascii: "_"), at: 0)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard bytes.count > rules.longest else { return text }
        return String(text.prefix(55)) + "_" + SHA256.hex(name, 8)
    }
}

/// Tool call ids as the upstream takes them. A function of the client's ids alone, so that a history always converts alike.
struct ToolIDs: Sendable {
    private let format: any UpstreamFormat
    /// What the server takes, where it takes less than its format.
    private let rule: ChatQuirks.CallIDs?
    private var sent: [String: String] = [:]
    private var taken: Set<String> = []
    /// The next number to try for an id that several of the client's become.
    private var numbers: [String: Int] = [:]

    init(_ format: any UpstreamFormat, _ rule: ChatQuirks.CallIDs? = nil) {
        self.format = format
        self.rule = rule
    }

    /// The id to send for the client's `id`.
    mutating func send(_ id: String) -> String {
        if let known = sent[id] { return known }
        if let rule { return send(id, rule) }
        var legal = format.toolID(id)
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

    private mutating func send(_ id: String, _ rule: ChatQuirks.CallIDs) -> String {
        var attempt = 0
        var legal = rule.legal(id)
        while !taken.insert(legal).inserted {
            attempt &+= 1
            legal = rule.legal(id, attempt: attempt)
        }
        sent[id] = legal
        return legal
    }

    static func isWord(_ byte: UInt8) -> Bool {
        ASCII.isAlphanumeric(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }
}
