import Basics
import RuleEngine

/// What was meant by words and signs that CEL writes otherwise.
enum ConditionHints {
    /// A problem and its place, in bytes.
    struct Mended {
        var offset: Int
        var length: Int
        var message: String
    }

    /// The problem, told of the word that caused it where there is one.
    static func mend(_ problem: Condition.Problem, in text: String) -> Mended {
        let bytes = Array(text.utf8)
        let end = problem.offset + max(1, problem.length)
        var mended = Mended(offset: problem.offset, length: problem.length, message: problem.message)
        if let found = candidates(in: bytes).last(where: { $0.offset < end && $0.offset + 24 >= problem.offset }) {
            return found
        }
        if problem.message.hasPrefix("time zone '"), problem.message.hasSuffix("' is not known") {
            let zone = problem.message.dropFirst("time zone '".count).dropLast("' is not known".count)
            mended.message += Suggestion.text(for: String(zone), among: Zone.knownNames)
        } else if problem.message.contains("string in string") {
            mended.message += "; 'in' is for lists and maps, a text is searched with request.model.contains(\"gpt\")"
        } else if ["double == int", "double != int", "int == double", "int != double"].contains(where: {
            problem.message.contains($0)
        }) {
            mended.message += "; numbers are the same where both have a point, or neither: 1.0 or 1"
        } else if problem.message.contains("is not known"), !problem.message.contains("did you mean"),
            isCompared(bytes, at: problem.offset)
        {
            mended.message += " (a text is written in quotes)"
        }
        return mended
    }

    private static let words = [
        "and": "&&", "or": "||", "not": "!", "is": "==", "eq": "==", "equals": "==", "ne": "!=", "true": "", "false": "",
        "like": "a.matches(b)", "contains": "a.contains(b)",
        "matches": "a.matches(b)", "startswith": "a.startsWith(b)",
        "endswith": "a.endsWith(b)", "if": "a ? b : c", "then": "a ? b : c", "gt": ">", "lt": "<", "gte": ">=",
        "lte": "<=", "none": "null", "nil": "null", "undefined": "null", "between": "a <= x && x <= b", "xor": "!=",
    ]

    /// The longer before those that they begin with.
    private static let signs = [
        ("===", "=="), ("!==", "!="), ("=~", "a.matches(b)"), ("~=", "a.matches(b)"),
        ("!~", "!a.matches(b)"), ("<>", "!="), ("=>", ">="), ("=<", "<="), ("==", ""), ("!=", ""), ("<=", ""),
        (">=", ""), ("&&", ""), ("||", ""), ("=", "=="), ("&", "&&"), ("|", "||"), ("~", "a.matches(b)"),
        ("\u{201C}", "\""), ("\u{201D}", "\""), ("\u{2018}", "'"), ("\u{2019}", "'"), ("\u{2264}", "<="), ("\u{2265}", ">="),
        ("\u{2260}", "!="), ("\u{AC}", "!"), ("\u{2227}", "&&"),
    ].map { (Array($0.0.utf8), $0.0, $0.1) }

    /// Outside of texts, in their order.
    private static func candidates(in bytes: [UInt8]) -> [Mended] {
        var found: [Mended] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                index = end(ofTextAt: index, in: bytes)
            } else if isLetter(byte) {
                let word = bytes[index...].prefix { isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                if let candidate = candidate(word, in: bytes) { found.append(candidate) }
                index = word.endIndex
            } else if let sign = signs.first(where: { bytes[index...].starts(with: $0.0) }) {
                if !sign.2.isEmpty {
                    found.append(
                        Mended(offset: index, length: sign.0.count, message: "'\(sign.1)' is written \(form(sign.2))"))
                }
                index += sign.0.count
            } else {
                index += 1
            }
        }
        return found
    }

    private static func candidate(_ word: ArraySlice<UInt8>, in bytes: [UInt8]) -> Mended? {
        let text = String(decoding: word, as: UTF8.self)
        let isMember = word.startIndex > 0 && bytes[word.startIndex - 1] == UInt8(ascii: ".")
        let isCall = word.endIndex < bytes.count && bytes[word.endIndex] == UInt8(ascii: "(") && text != "not" && text != "NOT"
        guard !isMember, !isCall, let ours = words[text.lowercased()] else { return nil }
        if ours.isEmpty {
            guard text != text.lowercased() else { return nil }
            return Mended(offset: word.startIndex, length: word.count, message: "'\(text)' is written '\(text.lowercased())'")
        }
        return Mended(offset: word.startIndex, length: word.count, message: "'\(text)' is written \(form(ours))")
    }

    private static func form(_ ours: String) -> String { ours == "'" ? "\"'\"" : "'\(ours)'" }

    /// Behind the quote that ends the text, or the end of all.
    private static func end(ofTextAt start: Int, in bytes: [UInt8]) -> Int {
        var index = start + 1
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\\") {
                index += 2
            } else if bytes[index] == bytes[start] {
                return index + 1
            } else {
                index += 1
            }
        }
        return bytes.count
    }

    private static func isCompared(_ bytes: [UInt8], at offset: Int) -> Bool {
        let before = bytes.prefix(max(0, offset)).reversed().drop { $0 == UInt8(ascii: " ") }
        return before.first == UInt8(ascii: "=")
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
    }
}
