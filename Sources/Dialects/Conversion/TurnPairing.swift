/// Puts every tool result right behind the turn that called for it, as all vendors demand (conversion.md 3.1.2, 3.2.2).
enum TurnPairing {
    /// What stands in for a result the history does not have.
    static let missing = "No result was provided."

    /// Pairs calls and results.
    /// - Parameter merges: neighbouring turns of one role become one (Anthropic, Gemini).
    static func paired(_ turns: [HubTurn], merges: Bool) -> [HubTurn] {
        let turns = merges ? merged(turns) : turns
        var callers: [String: Int] = [:]
        for (index, turn) in turns.enumerated() where turn.role == .assistant {
            for case .toolUse(let call) in turn.blocks { callers[call.id] = index }
        }
        if callers.isEmpty, !hasResults(turns) { return turns }
        // For each calling turn its results in the order they were given; a repeated one keeps its place and its last content.
        var answers: [Int: [HubToolResult]] = [:]
        var places: [String: Int] = [:]
        for turn in turns {
            for case .toolResult(let result) in turn.blocks {
                guard let caller = callers[result.id] else { continue }
                if let place = places[result.id] {
                    answers[caller]?[place] = result
                } else {
                    places[result.id] = answers[caller]?.count ?? 0
                    answers[caller, default: []].append(result)
                }
            }
        }
        var out: [HubTurn] = []
        var waiting: [HubBlock] = []
        for (index, turn) in turns.enumerated() {
            var rest = turn
            rest.blocks = withoutResults(turn.blocks, callers)
            let isLeftOver = rest.blocks.isEmpty && !turn.blocks.isEmpty
            if !waiting.isEmpty {
                // Right behind the call: at the head of a user's turn that follows, else in a turn of their own.
                if turn.role == .user, !isLeftOver {
                    rest.blocks = waiting + rest.blocks
                } else {
                    out.append(HubTurn(role: .user, blocks: waiting, position: turn.position))
                }
                waiting = []
            }
            if !isLeftOver || turn.role == .assistant { out.append(rest) }
            if turn.role == .assistant { waiting = complete(answers[index] ?? [], for: turn).map { .toolResult($0) } }
        }
        if !waiting.isEmpty { out.append(HubTurn(role: .user, blocks: waiting, position: turns.last?.position ?? 0)) }
        return merges ? merged(out) : out
    }

    /// The results of a turn's calls, names filled in, missing ones made up.
    private static func complete(_ given: [HubToolResult], for turn: HubTurn) -> [HubToolResult] {
        var results = given
        let present = Set(given.map(\.id))
        var names: [String: String] = [:]
        for case .toolUse(let call) in turn.blocks {
            names[call.id] = call.name
            if !present.contains(call.id) {
                let text = HubBlock.text(HubText(text: .string(missing)))
                results.append(HubToolResult(id: call.id, name: call.name, content: [text], isError: true))
            }
        }
        for index in results.indices { results[index].name = names[results[index].id] ?? results[index].name }
        return results
    }

    /// A turn without the results that went to their callers; orphans become text.
    private static func withoutResults(_ blocks: [HubBlock], _ callers: [String: Int]) -> [HubBlock] {
        blocks.flatMap { block -> [HubBlock] in
            guard case .toolResult(let result) = block else { return [block] }
            if callers[result.id] != nil { return [] }
            let texts = result.content.compactMap { $0.text?.string }.filter { !$0.isEmpty }
            let others = result.content.filter { $0.text == nil }
            guard !texts.isEmpty else { return others }
            return [.text(HubText(text: .string("Tool result: " + texts.joined(separator: "\n"))))] + others
        }
    }

    private static func hasResults(_ turns: [HubTurn]) -> Bool {
        turns.contains { turn in
            turn.blocks.contains { block in
                if case .toolResult = block { return true }
                return false
            }
        }
    }

    /// Neighbouring turns of one role as one; results before everything else in a user turn.
    static func merged(_ turns: [HubTurn]) -> [HubTurn] {
        var out: [HubTurn] = []
        for turn in turns {
            if let last = out.indices.last, out[last].role == turn.role, turn.role != .system {
                out[last].blocks.append(contentsOf: turn.blocks)
            } else {
                out.append(turn)
            }
        }
        for index in out.indices where out[index].role == .user {
            let (results, others) = split(out[index].blocks)
            if !results.isEmpty { out[index].blocks = results.map { .toolResult($0) } + others }
        }
        return out
    }

    /// The tool results of a turn, and the rest.
    static func split(_ blocks: [HubBlock]) -> (results: [HubToolResult], others: [HubBlock]) {
        var results: [HubToolResult] = []
        var others: [HubBlock] = []
        for block in blocks {
            if case .toolResult(let result) = block { results.append(result) } else { others.append(block) }
        }
        return (results, others)
    }
}

/// Calls that no answer has come for, for formats that answer by name: first called, first answered.
struct OpenCalls {
    private var queues: [String: (ids: [String], next: Int)] = [:]
    private var answered: Set<String> = []

    mutating func add(_ name: String, _ id: String) { queues[name, default: ([], 0)].ids.append(id) }

    /// Notes that `id` was answered by its own name.
    mutating func answer(_ id: String) -> String {
        answered.insert(id)
        return id
    }

    /// The first call of `name` that is still open; it is answered by that.
    mutating func first(_ name: String) -> String? {
        guard var queue = queues.removeValue(forKey: name) else { return nil }
        defer { queues[name] = queue }
        while queue.next < queue.ids.count {
            let id = queue.ids[queue.next]
            queue.next += 1
            if answered.insert(id).inserted { return id }
        }
        return nil
    }
}
