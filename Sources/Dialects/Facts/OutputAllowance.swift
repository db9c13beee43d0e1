import Basics

/// How much a request lets its answer be: what a limit reserves for it.
public struct OutputAllowance: Sendable, Hashable {
    /// Tokens of one answer; nil where the request does not say.
    public var tokens: Int?
    /// Answers that are asked for (`n`, `candidateCount`), 1 to 128.
    public var choices = 1

    public init() {}

    /// - Parameters:
    ///   - members: the ones `JSONScan.members` listed for `body`.
    ///   - set: members that the proxy sets itself, in place of the client's.
    public init(body: UnsafeRawBufferPointer, members: [JSONMember], set: [(member: String, json: [UInt8])] = []) {
        for member in members {
            let key = body.slice(member.key)
            switch member.kind {
            case .number:
                guard let number = JSONScan.integer(of: body, in: member.value) else { continue }
                if Self.names.contains(where: { key.equals($0) }) { allow(number) }
                if key.equals("n") { choices = Self.bounded(number) }
            case .object where key.equals("generationConfig") || key.equals("generation_config"):
                readGemini(body, member.value)
            case .string, .true, .false, .null, .object, .array: continue
            }
        }
        for (name, json) in set where ["max_tokens", "max_completion_tokens", "max_output_tokens"].contains(name) {
            if let number = json.withUnsafeBytes({ JSONScan.integer(of: $0, in: 0..<$0.count) }) { tokens = Swift.max(0, number) }
        }
    }

    private static let names: [StaticString] = ["max_tokens", "max_completion_tokens", "max_output_tokens"]

    /// Of two names for it the greater counts: servers differ in which they read.
    private mutating func allow(_ number: Int) { tokens = Swift.max(tokens ?? 0, number) }

    private mutating func readGemini(_ body: UnsafeRawBufferPointer, _ range: Range<Int>) {
        for name in ["maxOutputTokens", "max_output_tokens"] as [StaticString] {
            guard let member = JSONScan.find(name, of: body, in: range) else { continue }
            if let number = JSONScan.integer(of: body, in: member.value) { allow(number) }
        }
        for name in ["candidateCount", "candidate_count"] as [StaticString] {
            guard let member = JSONScan.find(name, of: body, in: range) else { continue }
            if let number = JSONScan.integer(of: body, in: member.value) { choices = Self.bounded(number) }
        }
    }

    private static func bounded(_ number: Int) -> Int { Swift.min(Swift.max(number, 1), 128) }
}
