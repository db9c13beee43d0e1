import Foundation
import RuleEngine

/// A new file that some keys go by, beside the one that runs.
///
/// It hangs on the snapshot that runs, so that one pointer tells both: who reads it sees either no trial or all of it.
public final class Trial: Sendable {
    /// The new file; its accounts have health of their own where they are asked otherwise than before.
    public let snapshot: Snapshot
    public let canary: Configuration.Canary
    public let startedAt: Date
    let share: KeyShare
    /// The figures of the file that runs, since the trial began and before.
    let old: FileFigures
    private let before: FileFigures?
    let new: FileFigures

    /// So many of the new file's requests tell something.
    public static let fewestRequests = 10

    /// - Parameters:
    ///   - old: what runs.
    ///   - new: the new file, with the generation that it has from now on.
    ///   - keyIDs: the keys that there are.
    init(of new: Snapshot, beside old: Snapshot, canary: Configuration.Canary, keyIDs: [String], now: Date = Date()) {
        self.canary = canary
        startedAt = now
        share = KeyShare(canary.share, of: keyIDs + new.declaredKeys.keys.map(\.id) + old.declaredKeys.keys.map(\.id))
        self.old = FileFigures(share: share)
        before = old.figures
        self.new = FileFigures(share: share, tried: TriedFile(known: Set(Self.targets(of: old))))
        snapshot = new.onTrial(AskedOtherwise(old, new).upstreams, counting: self.new)
    }

    /// A key as the new file has it; nil where it does not go by that.
    public func key(_ key: ClientKey) -> ClientKey? {
        guard share.takes(key.id) else { return nil }
        return snapshot.declaredKeys.key(withID: key.id) ?? key
    }

    public var end: Date {
        startedAt.addingTimeInterval(Double(canary.time.components.seconds))
    }

    /// Why the new file is to be taken back; nil while nothing speaks against it.
    func objection() -> String? {
        let sums = newSums
        guard sums.requests >= (isByDefault ? Self.fewestRequests : 1) else { return nil }
        let new = isByDefault ? sums.certain : sums.figures
        let old = oldFigures(comparedTo: sums)
        guard canary.rollbackIf.holds(new: new, old: old) else { return nil }
        return Self.text(new: new, old: old)
    }

    /// Whether the expression is the default: only then chance is allowed for. One that is written sees the figures as they are.
    private var isByDefault: Bool { canary.rollbackIf == Configuration.Canary().rollbackIf }

    /// What both came to so far.
    public var figures: (new: RollbackExpression.Figures, old: RollbackExpression.Figures) {
        let new = newSums
        return (new.figures, oldFigures(comparedTo: new))
    }

    /// What the requests that it served came to, and the others', in one line.
    static func text(new: RollbackExpression.Figures, old: RollbackExpression.Figures) -> String {
        func number(_ value: Double, _ places: Int) -> String { String(format: "%.\(places)f", value) }
        return "after \(new.requests) of its requests and \(old.requests) others: "
            + "error_rate \(number(new.errorRate, 3)) against \(number(old.errorRate, 3)), "
            + "refusals \(number(new.refusals, 3)) against \(number(old.refusals, 3)), "
            + "cost_per_request \(number(new.costPerRequest, 6)) against \(number(old.costPerRequest, 6)), "
            + "first_byte_ms \(number(new.firstByteMilliseconds, 1)) against \(number(old.firstByteMilliseconds, 1))"
    }

    private var newSums: RequestFigures.Sums { new.chosen.sums + new.others.sums }

    /// What the new file's requests are measured by: the others' meanwhile; for the default expression of cost and first byte the
    /// greater of these and what the same keys' came to before, since keys ask for different things.
    private func oldFigures(comparedTo new: RequestFigures.Sums) -> RollbackExpression.Figures {
        let since = old.chosen.sums + old.others.sums
        let past = before.map { ($0.chosen.sums, $0.chosen.sums + $0.others.sums) }
        let others = since.requests >= Self.fewestRequests ? since : since + (past?.1 ?? RequestFigures.Sums())
        var figures = others.figures
        guard isByDefault else {
            if others.costed == 0 { figures.costPerRequest = new.figures.costPerRequest }
            if others.timed == 0 { figures.firstByteMilliseconds = new.figures.firstByteMilliseconds }
            return figures
        }
        let same = past?.0 ?? RequestFigures.Sums()
        if same.costed >= RequestFigures.Sums.fewest {
            figures.costPerRequest = max(figures.costPerRequest, same.figures.costPerRequest)
        }
        if same.timed >= RequestFigures.Sums.fewest {
            figures.firstByteMilliseconds = max(figures.firstByteMilliseconds, same.figures.firstByteMilliseconds)
        }
        // With nothing to compare them with, neither speaks against the file.
        if others.costed < RequestFigures.Sums.fewest, same.costed < RequestFigures.Sums.fewest {
            figures.costPerRequest = new.figures.costPerRequest
        }
        if others.timed < RequestFigures.Sums.fewest, same.timed < RequestFigures.Sums.fewest {
            figures.firstByteMilliseconds = new.figures.firstByteMilliseconds
        }
        return figures
    }

    private static func targets(of snapshot: Snapshot) -> [String] {
        snapshot.routes.flatMap(\.tiers).flatMap(\.targets).map { target in
            let upstreams = snapshot.configuration.upstreams
            let name = upstreams.indices.contains(target.upstream) ? upstreams[target.upstream].name : ""
            return "\(name)/\(target.tierTarget.model ?? "")"
        }
    }
}

/// Which upstreams of a new file are asked otherwise than those of the same name: what befalls their accounts is nothing to the other
/// file's. Where the same address is asked with the same credential in the same way, both files know of it.
private struct AskedOtherwise {
    private(set) var upstreams: Set<String> = []

    init(_ old: Snapshot, _ new: Snapshot) {
        let (a, b) = (old.configuration, new.configuration)
        let before = Dictionary(a.upstreams.map { ($0.name, $0) }) { first, _ in first }
        let policies = Set(old.routes.map(\.fallback))
        let timeouts = Self.timeouts(old)
        let isOtherwise =
            a.proxies != b.proxies || a.fallback != b.fallback || a.timeouts != b.timeouts
            || !Set(new.routes.map(\.fallback)).isSubset(of: policies)
        let timeoutsNow = Self.timeouts(new)
        for upstream in b.upstreams {
            let isSame = before[upstream.name] == upstream && !isOtherwise
            let waitsAlike = (timeoutsNow[upstream.name] ?? []).isSubset(of: timeouts[upstream.name] ?? [])
            if !isSame || !waitsAlike { upstreams.insert(upstream.name) }
        }
    }

    private static func timeouts(_ snapshot: Snapshot) -> [String: Set<Timeouts>] {
        var found: [String: Set<Timeouts>] = [:]
        for target in snapshot.routes.flatMap(\.tiers).flatMap(\.targets) {
            guard snapshot.configuration.upstreams.indices.contains(target.upstream) else { continue }
            found[snapshot.configuration.upstreams[target.upstream].name, default: []].insert(target.timeouts)
        }
        return found
    }
}
