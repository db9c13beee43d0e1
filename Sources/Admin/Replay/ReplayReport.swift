import Basics
import Dialects
import ProxyCore

/// What another file would have made of recorded requests. Reports of parts add up.
public struct ReplayReport: Sendable {
    private(set) var requests = 0
    private(set) var changes: [DecisionReplay.Verdict.Change: Int] = [:]
    private var rules: [String: Counts] = [:]
    private var keys: [String: Counts] = [:]
    private var moves: [Move: Int] = [:]
    private var before: [String: Spent] = [:]
    private var after: [String: Spent] = [:]
    private var refusedBefore: [String: Int] = [:]
    private var refusedAfter: [String: Int] = [:]
    private var bad = BadLines()

    fileprivate struct Counts {
        var requests = 0
        var changed = 0
        var undecided = 0
        var costBefore = 0
        var costAfter = 0
    }

    private struct Move: Hashable {
        let from: String
        let to: String
    }

    /// What went to one upstream and model.
    fileprivate struct Spent {
        var requests = 0
        var tokens = 0
        var cost = 0
        /// Answers whose price is not known.
        var unpriced = 0
    }

    private struct BadLines {
        var count = 0
        /// How many of these are decisions of another version.
        var otherVersions = 0
        var first: [(line: Int, reason: String)] = []
        static let most = 10
    }

    public init() {}

    /// Requests that go elsewhere, or end otherwise.
    public var changed: Int {
        changes.reduce(0) { $0 + ($1.key == .none || $1.key == .undecided ? 0 : $1.value) }
    }

    public var undecided: Int { changes[.undecided] ?? 0 }
    public var total: Int { requests }
    /// Lines that are decisions of another version of proxyd.
    public var otherVersions: Int { bad.otherVersions }
    /// What is wrong with the first line that could not be read.
    public var firstBad: String? { bad.first.first.map { "line \($0.line): \($0.reason)" } }

    /// The share, 0–1, of what could be decided.
    public var changedShare: Double {
        let decided = requests - undecided
        return decided > 0 ? Double(changed) / Double(decided) : 0
    }

    mutating func add(_ recorded: RecordedDecision, _ verdict: DecisionReplay.Verdict) {
        requests += 1
        changes[verdict.change, default: 0] += 1
        let isChanged = verdict.change != .none && verdict.change != .undecided
        let (old, new) = (recorded.decided.target, verdict.target)
        let costBefore = recorded.used?.cost ?? 0
        let costAfter = verdict.change == .undecided ? costBefore : verdict.cost ?? 0
        func count(_ counts: inout Counts) {
            counts.requests += 1
            if isChanged { counts.changed += 1 }
            if verdict.change == .undecided { counts.undecided += 1 }
            counts.costBefore.grow(by: costBefore)
            counts.costAfter.grow(by: costAfter)
        }
        count(&rules[recorded.decided.rule ?? Self.nobody, default: Counts()])
        count(&keys[recorded.facts.key.name.isEmpty ? Self.nobody : recorded.facts.key.name, default: Counts()])
        if isChanged {
            moves[
                Move(
                    from: old.map(Self.name) ?? "refused: \(recorded.decided.refusal ?? "")",
                    to: new.map(Self.name) ?? "refused: \(verdict.refusal ?? "")"),
                default: 0] += 1
        }
        if old == nil { refusedBefore[recorded.decided.refusal ?? "", default: 0] += 1 }
        if new == nil, verdict.change != .undecided { refusedAfter[verdict.refusal ?? "", default: 0] += 1 }
        spend(recorded, verdict, new)
    }

    private static func name(_ target: RecordedDecision.Target) -> String { "\(target.upstream)/\(target.model)" }

    private mutating func spend(
        _ recorded: RecordedDecision, _ verdict: DecisionReplay.Verdict, _ new: RecordedDecision.Target?
    ) {
        guard let used = recorded.used else { return }
        let served = "\(used.upstream)/\(used.model)"
        before[served, default: Spent()].add(used.usage, used.cost)
        switch verdict.change {
        case .none: after[served, default: Spent()].add(used.usage, verdict.cost)
        case .undecided: after[served, default: Spent()].add(used.usage, used.cost)
        case .elsewhere, .admitted: if let new { after[Self.name(new), default: Spent()].add(used.usage, verdict.cost) }
        case .refused, .otherwiseRefused: break
        }
    }

    mutating func addBad(line: Int, _ reason: RecordedDecision.Unreadable) {
        bad.count += 1
        if case .version = reason { bad.otherVersions += 1 }
        if bad.first.count < BadLines.most { bad.first.append((line, reason.description)) }
    }

    mutating func add(_ other: ReplayReport) {
        requests += other.requests
        changes.merge(other.changes, uniquingKeysWith: +)
        rules.merge(other.rules) { $0.adding($1) }
        keys.merge(other.keys) { $0.adding($1) }
        moves.merge(other.moves, uniquingKeysWith: +)
        before.merge(other.before) { $0.adding($1) }
        after.merge(other.after) { $0.adding($1) }
        refusedBefore.merge(other.refusedBefore, uniquingKeysWith: +)
        refusedAfter.merge(other.refusedAfter, uniquingKeysWith: +)
        bad.count += other.bad.count
        bad.otherVersions += other.bad.otherVersions
        bad.first = Array((bad.first + other.bad.first).sorted { $0.line < $1.line }.prefix(BadLines.most))
    }

    private static let nobody = "-"

    // MARK: Shown

    public var json: JSONValue {
        [
            "requests": .int(requests), "changed": .int(changed), "undecided": .int(undecided),
            "changed_share": .number("\(changedShare)"),
            "changes": .object(
                JSONObject(
                    DecisionReplay.Verdict.Change.allCases.map {
                        JSONObject.Member(key: $0.rawValue, value: .int(changes[$0] ?? 0))
                    })),
            "cost_usd_before": .dollars(cost(before)), "cost_usd_after": .dollars(cost(after)),
            "unpriced_before": .int(before.values.reduce(0) { $0 + $1.unpriced }),
            "unpriced_after": .int(after.values.reduce(0) { $0 + $1.unpriced }),
            "rules": Self.list(rules, "rule"), "keys": Self.list(keys, "key"),
            "moves": .array(
                sortedMoves.map { ["from": .string($0.key.from), "to": .string($0.key.to), "requests": .int($0.value)] }),
            "upstreams": .array(
                Set(before.keys).union(after.keys).sorted().map { name in
                    let (old, new) = (before[name] ?? Spent(), after[name] ?? Spent())
                    return [
                        "target": .string(name), "requests_before": .int(old.requests), "requests_after": .int(new.requests),
                        "tokens_before": .int(old.tokens), "tokens_after": .int(new.tokens),
                        "cost_usd_before": .dollars(old.cost), "cost_usd_after": .dollars(new.cost),
                    ]
                }),
            "refusals_before": Self.counts(refusedBefore), "refusals_after": Self.counts(refusedAfter),
            "bad_lines": .int(bad.count),
            "first_bad_lines": .array(bad.first.map { ["line": .int($0.line), "reason": .string($0.reason)] }),
        ]
    }

    /// The report for people.
    public var text: String {
        let count = requests == 1 ? "1 request" : "\(requests) requests"
        var text = "\(count): \(changed) would go elsewhere or end otherwise (\(Percent.text(changedShare)))"
        text += undecided == 0 ? "\n" : ", \(undecided) cannot be decided from what was recorded\n"
        let (old, new) = (cost(before), cost(after))
        text += "cost \(Self.money(old)) -> \(Self.money(new))"
        let unpriced = after.values.reduce(0) { $0 + $1.unpriced }
        text += unpriced == 0 ? "\n" : ", \(unpriced) answers without a price\n"
        if !moves.isEmpty {
            var table = TextTable(["FROM", "TO", "REQUESTS"])
            for move in sortedMoves.prefix(20) { table.add([.text(move.key.from), .text(move.key.to), .count(move.value)]) }
            text += "\n" + table.text
            if moves.count > 20 { text += "and \(moves.count - 20) more\n" }
        }
        text += "\n" + Self.table(rules, "RULE") + "\n" + Self.table(keys, "KEY")
        if !refusedBefore.isEmpty || !refusedAfter.isEmpty {
            var table = TextTable(["REFUSED FOR", "BEFORE", "AFTER"])
            for reason in Set(refusedBefore.keys).union(refusedAfter.keys).sorted() {
                table.add([.text(reason), .count(refusedBefore[reason] ?? 0), .count(refusedAfter[reason] ?? 0)])
            }
            text += "\n" + table.text
        }
        var table = TextTable(["UPSTREAM/MODEL", "TOKENS BEFORE", "AFTER", "COST BEFORE", "AFTER"])
        for name in Set(before.keys).union(after.keys).sorted() {
            let (old, new) = (before[name] ?? Spent(), after[name] ?? Spent())
            table.add([
                .text(name), .count(old.tokens), .count(new.tokens), .number(Self.money(old.cost)), .number(Self.money(new.cost)),
            ])
        }
        if !table.isEmpty { text += "\n" + table.text }
        if bad.count > 0 {
            text += "\n\(bad.count) lines could not be read:\n"
            for line in bad.first { text += "  line \(line.line): \(line.reason)\n" }
        }
        return text
    }

    private var sortedMoves: [(key: Move, value: Int)] {
        moves.sorted { ($1.value, $0.key.from, $0.key.to) < ($0.value, $1.key.from, $1.key.to) }
    }

    private func cost(_ spent: [String: Spent]) -> Int { spent.values.reduce(into: 0) { $0.grow(by: $1.cost) } }

    private static func list(_ counts: [String: Counts], _ name: String) -> JSONValue {
        .array(
            counts.inKeyOrder().map { key, counts in
                JSONValue.object(
                    JSONObject([
                        JSONObject.Member(key: name, value: .string(key)),
                        JSONObject.Member(key: "requests", value: .int(counts.requests)),
                        JSONObject.Member(key: "changed", value: .int(counts.changed)),
                        JSONObject.Member(key: "undecided", value: .int(counts.undecided)),
                        JSONObject.Member(key: "cost_usd_before", value: .dollars(counts.costBefore)),
                        JSONObject.Member(key: "cost_usd_after", value: .dollars(counts.costAfter)),
                    ]))
            })
    }

    private static func counts(_ counts: [String: Int]) -> JSONValue {
        .object(JSONObject(counts.inKeyOrder().map { JSONObject.Member(key: $0.key, value: .int($0.value)) }))
    }

    private static func table(_ counts: [String: Counts], _ name: String) -> String {
        var table = TextTable([name, "REQUESTS", "CHANGED", "COST BEFORE", "AFTER"])
        for (key, counts) in counts.sorted(by: { ($1.value.changed, $0.key) < ($0.value.changed, $1.key) }).prefix(50) {
            table.add([
                .text(key), .count(counts.requests), .count(counts.changed), .number(money(counts.costBefore)),
                .number(money(counts.costAfter)),
            ])
        }
        return table.text + (counts.count > 50 ? "and \(counts.count - 50) more\n" : "")
    }

    private static func money(_ nanoDollars: Int) -> String { "\(JSONValue.dollars(nanoDollars).text) USD" }
}

extension ReplayReport.Counts {
    fileprivate func adding(_ other: Self) -> Self {
        var sum = self
        sum.requests += other.requests
        sum.changed += other.changed
        sum.undecided += other.undecided
        sum.costBefore.grow(by: other.costBefore)
        sum.costAfter.grow(by: other.costAfter)
        return sum
    }
}

extension ReplayReport.Spent {
    fileprivate mutating func add(_ usage: TokenUsage, _ cost: Int?) {
        requests += 1
        tokens.grow(by: usage.total)
        self.cost.grow(by: cost ?? 0)
        if cost == nil { unpriced += 1 }
    }

    fileprivate func adding(_ other: Self) -> Self {
        var sum = self
        sum.requests += other.requests
        sum.tokens.grow(by: other.tokens)
        sum.cost.grow(by: other.cost)
        sum.unpriced += other.unpriced
        return sum
    }
}

extension Int {
    /// Recorded numbers are anybody's: sums stop at the greatest.
    fileprivate mutating func grow(by more: Int) {
        let (sum, overflow) = addingReportingOverflow(more)
        self = overflow ? .max : sum
    }
}
