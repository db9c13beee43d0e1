import Dialects
import Foundation
import ProxyCore
import RuleEngine

/// Requests that were made, decided anew: out of the rows that the running proxyd keeps.
extension AdminClient {
    /// - Parameter since: as all calls that take one: a time, a day, or so long back.
    public func replay(since: String, _ replay: DecisionReplay) async throws -> ReplayReport {
        var report = ReplayReport()
        var before: String?
        repeat {
            let page = try await json(
                "GET", ["requests"], query: [("since", since), ("limit", "1000"), ("before", before)])
            for row in page["requests"]?.array ?? [] {
                guard let recorded = RecordedDecision(row: row) else { continue }
                report.add(recorded, replay.decide(recorded))
            }
            before = page["next"]?.string
        } while before != nil
        return report
    }
}

extension RecordedDecision {
    /// What a request's row tells of how it was decided: who asked for which model, and who served, with those that were passed over out.
    fileprivate init?(row: JSONValue) {
        guard let asked = row["model_asked"]?.string ?? row["model"]?.string, let model = row["model"]?.string,
            let upstream = row["upstream"]?.string, let time = row["time"]?.string.flatMap(AdminTime.seconds)
        else { return nil }
        self.init()
        id = row["id"]?.string ?? ""
        self.time = time * 1_000
        known = [.model, .key, .time, .origin]
        facts.now = Facts.Timestamp(seconds: time)
        facts.request.model = asked
        facts.request.session = row["session"]?.string ?? ""
        facts.request.agent = row["agent"]?.string ?? ""
        facts.key.id = row["key_id"]?.string ?? ""
        isDeclared = DeclaredKey.isID(facts.key.id)
        facts.key.name = row["key"]?.string ?? ""
        facts.key.policy = row["policy"]?.string ?? ""
        facts.key.tags = row["tags"]?.stringMap ?? [:]
        facts.request.dialect = row["dialect"]?.string ?? ""
        if let inputs = row["inputs"] { take(inputs: inputs) }
        decided.rule = row["rule"]?.string
        decided.status = row["status"]?.int ?? 0
        let target = Target(
            tier: row["tier"]?.string ?? "", upstream: upstream, model: model, account: row["account"]?.string ?? "")
        decided.target = target
        // Who was asked before the one that answered, or was passed over, was no better than out.
        for attempt in row["attempts"]?.array ?? [] {
            guard let tier = attempt["tier"]?.string, let account = attempt["account"]?.string,
                (tier, account) != (target.tier, target.account)
            else { continue }
            let parts = tier.split(separator: "/", maxSplits: 1)
            guard let first = parts.first else { continue }
            let meant = parts.count > 1 && parts[1] != "*" ? String(parts[1]) : asked
            moment.accounts[String(first), default: [:]][account, default: [:]][meant] = RecordedMoment.Account(
                obstacle: "cooling", milliseconds: 60_000)
        }
        var usage = TokenUsage()
        usage.uncachedInput = row["input"]?.int ?? 0
        usage.output = row["output"]?.int ?? 0
        usage.cacheRead = row["cache_read"]?.int ?? 0
        usage.cacheWrite = row["cache_write"]?.int ?? 0
        usage.cacheWriteHour = row["cache_write_1h"]?.int ?? 0
        usage.reasoning = row["reasoning"]?.int ?? 0
        if usage != TokenUsage() { used = Used(upstream: upstream, model: model, usage: usage, cost: row["cost_nano"]?.int) }
    }
}
