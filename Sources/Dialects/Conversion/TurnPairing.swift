/// Puts every tool result right behind the turn that called for it, as all vendors demand (conversion.md 3.1.2, 3.2.2).
enum TurnPairing {
    /// What stands in for a result the history does not have.
    static let missing = "No result was provided."

    /// Pairs calls and results.
    /// - Parameters:
    ///   - merges: neighbouring turns of one role become one (Anthropic, Gemini).
    ///   - renames: an id that a later turn uses anew gets a number, for formats whose ids are unique in a history. In one turn
    ///     they are unique in every format.
    static func paired(_ turns: [HubTurn], merges: Bool, renames: Bool = true) -> [HubTurn] {
        var turns = merges ? joined(turns) : turns
        var calls = OpenResults(turns, renames: renames)
        if calls.isEmpty, !hasResults(turns) { return merges ? merged(turns) : turns }
        // The results of each calling turn in the order they were given; a repeated one keeps its place and its last content.
        var responseFormat: [Int: [HubToolResult]] = [:]
        var places: [OpenResults.Call: Int] = [:]
        for index in turns.indices {
            turns[index].blocks = turns[index].blocks.map { calls.entered($0, turn: index) }
            for case .toolResult(var result) in turns[index].blocks {
                guard let call = calls.take(result.id) else { continue }
                result.id = call.id
                if let place = places[call] {
                    responseFormat[call.turn]?[place] = result
                } else {
                    places[call] = responseFormat[call.turn]?.count ?? 0
                    responseFormat[call.turn, default: []].append(result)
                }
            }
        }
        var out: [HubTurn] = []
        var waiting: [HubBlock] = []
        for (index, turn) in turns.enumerated() {
            var rest = turn
            rest.blocks = withoutResults(turn.blocks, calls)
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
            if turn.role == .assistant { waiting = complete(responseFormat[index] ?? [], for: turn).map { .toolResult($0) } }
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
                results.append(HubToolResult(id: call.id, name: call.name, content: [text], isError: true, isMade: true))
            }
        }
        for index in results.indices { results[index].name = names[results[index].id] ?? results[index].name }
        return results
    }

    /// A turn without the results that went to their callers; orphans become text.
    private static func withoutResults(_ blocks: [HubBlock], _ calls: OpenResults) -> [HubBlock] {
        blocks.flatMap { block -> [HubBlock] in
            guard case .toolResult(let result) = block else { return [block] }
            if calls.knows(result.id) { return [] }
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
        var out = joined(turns)
        for index in out.indices where out[index].role == .user {
            let (results, others) = split(out[index].blocks)
            if !results.isEmpty { out[index].blocks = results.map { .toolResult($0) } + others }
        }
        return out
    }

    /// Neighbouring turns of one role as one, blocks in their order.
    private static func joined(_ turns: [HubTurn]) -> [HubTurn] {
        var out: [HubTurn] = []
        for turn in turns {
            if let last = out.indices.last, out[last].role == turn.role, turn.role != .system {
                out[last].blocks.append(contentsOf: turn.blocks)
            } else {
                out.append(turn)
            }
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

/// The calls of a history as it is walked through, and which of them a result belongs to: the last one before it that has its id,
/// or the first one after it. Calls of one turn that share an id are answered in their order.
struct OpenResults {
    struct Call: Hashable {
        var turn: Int
        /// The id that goes to the upstream's format.
        var id: String
    }

    private let renames: Bool
    /// The calls that each id has named so far, of the last turn that used it.
    private var last: [String: (calls: [Call], next: Int)] = [:]
    /// The first call of each id in the whole history, for results that stand before it.
    private var first: [String: Call] = [:]
    private var taken: Set<String> = []
    /// The next number to try for an id that is used again.
    private var numbers: [String: Int] = [:]

    init(_ turns: [HubTurn], renames: Bool) {
        self.renames = renames
        for (index, turn) in turns.enumerated() where turn.role == .assistant {
            for case .toolUse(let call) in turn.blocks where first[call.id] == nil {
                first[call.id] = Call(turn: index, id: call.id)
            }
        }
    }

    var isEmpty: Bool { first.isEmpty }

    func knows(_ id: String) -> Bool { first[id] != nil }

    /// The walk has come to this block: a call is noted, and renamed where its id was another call's.
    mutating func entered(_ block: HubBlock, turn: Int) -> HubBlock {
        guard case .toolUse(var call) = block, first[call.id] != nil else { return block }
        let given = call.id
        let isDouble = last[given]?.calls.first?.turn == turn
        if !taken.insert(call.id).inserted, renames || isDouble {
            var number = numbers[given, default: 2]
            while !taken.insert("\(given)_\(number)").inserted { number += 1 }
            numbers[given] = number + 1
            call.id = "\(given)_\(number)"
        }
        let noted = Call(turn: turn, id: call.id)
        if last[given]?.calls.first?.turn == turn {
            last[given]?.calls.append(noted)
        } else {
            last[given] = ([noted], 0)
        }
        return .toolUse(call)
    }

    /// The call that a result with this id answers; nil for an orphan.
    mutating func take(_ id: String) -> Call? {
        guard var open = last[id] else { return first[id] }
        defer { last[id] = open }
        guard open.next < open.calls.count else { return open.calls.last }
        defer { open.next += 1 }
        return open.calls[open.next]
    }
}

/// Calls that no answer has come for, for formats that answer by name: first called, first answered.
struct OpenCalls {
    private var queues: [String: (ids: [String], next: Int)] = [:]
    private var known: Set<String> = []
    private var answered: Set<String> = []

    mutating func add(_ name: String, _ id: String) {
        queues[name, default: ([], 0)].ids.append(id)
        known.insert(id)
    }

    /// Whether a call has this id.
    func knows(_ id: String) -> Bool { known.contains(id) }

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
