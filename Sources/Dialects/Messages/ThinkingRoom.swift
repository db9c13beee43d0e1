import Basics

/// Anthropic refuses a budget to think that is not under the answer's limit: where a rule or a tier lowers that, the budget follows.
public enum ThinkingRoom {
    /// The least budget that is taken.
    private static let least = 1_024

    /// The body with its budget under its limit, or without it where too little is left; nil where it fits, or did not fit before:
    /// with interleaved thinking a budget may be more than one answer's limit.
    /// - Parameter original: the body before its limit was lowered.
    public static func fitted(
        _ body: UnsafeRawBufferPointer, from original: UnsafeRawBufferPointer
    ) -> (body: [UInt8], isDropped: Bool)? {
        var members: [JSONMember] = []
        var object = 0..<0
        do throws(JSONScan.Problem) { object = try JSONScan.members(of: body, into: &members) } catch { return nil }
        guard let thinking = members.first(where: { $0.key(equals: "thinking", in: body) }), thinking.kind == .object,
            let said = JSONScan.find("budget_tokens", of: body, in: thinking.value),
            let budget = JSONScan.integer(of: body, in: said.value),
            let limit = limit(of: body), budget >= limit, self.limit(of: original).map({ budget < $0 }) ?? true
        else { return nil }
        var patch = JSONPatch(object: object, members: members)
        let isDropped = limit <= least
        if isDropped {
            patch.remove("thinking", in: body)
        } else {
            patch.replace(said.value, with: Array(String(limit - 1).utf8))
        }
        return (patch.apply(to: body), isDropped)
    }

    private static func limit(of body: UnsafeRawBufferPointer) -> Int? {
        JSONScan.find("max_tokens", of: body).flatMap { JSONScan.integer(of: body, in: $0.value) }
    }
}
