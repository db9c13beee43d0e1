import Basics

/// How much a request lets its answer be: what a limit reserves for it.
public struct OutputAllowance: Sendable, Hashable {
    /// Tokens of one answer; nil where the request does not say.
    public var tokens: Int?
    /// Answers that are asked for (`n`, `best_of`, `candidateCount`, for each of several prompts), 1 to 128 × 128.
    public var choices = 1

    public init() {}

    /// - Parameters:
    ///   - members: the ones `JSONScan.members` listed for `body`.
    ///   - most: tokens that the proxy asks for itself, in place of the client's.
    ///   - count: answers, as `most`.
    public init(body: UnsafeRawBufferPointer, members: [JSONMember], most: Int? = nil, count: Int? = nil) {
        // A list of prompts has answers for each.
        var prompts = 1
        for member in members {
            let key = body.slice(member.key)
            switch member.kind {
            case .number:
                if key.equals("max_tokens") || key.equals("max_completion_tokens") || key.equals("max_output_tokens") {
                    allow(Self.number(body, member.value))
                } else if key.equals("n") || key.equals("best_of") {
                    choices = Swift.max(choices, Self.bounded(Self.number(body, member.value)))
                }
            // Some servers read a count in quotes too.
            case .string where key.equals("n") || key.equals("best_of"):
                choices = Swift.max(choices, Self.bounded(Self.number(body, Self.digits(of: member))))
            case .array where key.equals("prompt"): prompts = Self.bounded(Self.count(body, member.value))
            case .object where key.equals("generationConfig") || key.equals("generation_config"):
                readGemini(body, member.value)
            case .string, .true, .false, .null, .object, .array: continue
            }
        }
        if let most { tokens = most }
        if let count { choices = Self.bounded(count) }
        choices *= prompts
    }

    /// Where a body has two names for it the greater counts, since servers differ in which they read. Many servers take zero and
    /// less for no bound.
    private mutating func allow(_ number: Int) {
        guard number > 0 else { return }
        tokens = Swift.max(tokens ?? 0, number)
    }

    /// A number as lenient servers read it, `2e5` too, rounded up and at most 10¹⁵.
    private static func number(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int {
        if let number = JSONScan.integer(of: bytes, in: range) { return Swift.min(number, most) }
        guard let number = Double(String(decoding: bytes.slice(range), as: UTF8.self)), number > 0 else { return 0 }
        return number < Double(most) ? Int(number.rounded(.up)) : most
    }

    private static let most = 1_000_000_000_000_000

    /// Prompts in a list: texts, or lists of tokens; a list of numbers is one prompt.
    private static func count(_ body: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int {
        var cursor = JSONCursor(body, in: range)
        guard (try? cursor.open(.array)) != nil else { return 1 }
        var count = 0
        while let element = (try? cursor.nextElement()) ?? nil {
            if element.kind == .number { return 1 }
            count += 1
        }
        return count
    }

    private mutating func readGemini(_ body: UnsafeRawBufferPointer, _ range: Range<Int>) {
        for name in ["maxOutputTokens", "max_output_tokens"] as [StaticString] {
            guard let member = JSONScan.find(name, of: body, in: range) else { continue }
            allow(Self.number(body, Self.digits(of: member)))
        }
        for name in ["candidateCount", "candidate_count"] as [StaticString] {
            guard let member = JSONScan.find(name, of: body, in: range) else { continue }
            choices = Swift.max(choices, Self.bounded(Self.number(body, Self.digits(of: member))))
        }
    }

    /// Google reads numbers in quotes too.
    private static func digits(of member: JSONMember) -> Range<Int> {
        member.kind == .string ? member.value.lowerBound + 1..<member.value.upperBound - 1 : member.value
    }

    private static func bounded(_ number: Int) -> Int { Swift.min(Swift.max(number, 1), 128) }
}
