/// The shares under which a file's rules pass accounts over, by upstream and model. Of several for one model the greatest: from
/// there on some rule does so.
struct QuotaThresholds: Sendable, Equatable {
    private struct Upstream: Equatable {
        /// The threshold of tiers that ask for whatever model the client does, or for a pattern.
        var open = 0.0
        var models: [String: Double] = [:]
        var greatest = 0.0
    }

    private var upstreams: [String: Upstream] = [:]
    /// No threshold is greater.
    private(set) var greatest = 0.0

    init() {}

    init(_ snapshot: Snapshot) {
        for route in snapshot.routes where route.fallback.enabled {
            for target in route.tiers.lazy.flatMap(\.targets) {
                let upstreams = snapshot.configuration.upstreams
                guard upstreams.indices.contains(target.upstream) else { continue }
                add(target.threshold, of: target.tierTarget.model, at: upstreams[target.upstream].name)
            }
        }
    }

    /// - Parameter model: nil for whatever is asked for.
    mutating func add(_ threshold: Double, of model: String?, at upstream: String) {
        var known = upstreams[upstream, default: Upstream()]
        if let model, !model.utf8.contains(UInt8(ascii: "*")) {
            known.models[model] = max(known.models[model] ?? 0, threshold)
        } else {
            known.open = max(known.open, threshold)
        }
        known.greatest = max(known.greatest, threshold)
        upstreams[upstream] = known
        greatest = max(greatest, threshold)
    }

    /// 0 where no rule asks an upstream for what a window holds.
    func threshold(of models: QuotaWindow.Models, at upstream: String) -> Double {
        guard let known = upstreams[upstream] else { return 0 }
        switch models {
        case .all: return known.greatest
        case .model(let name): return max(known.open, known.models[name] ?? 0)
        case .family(_, let refused): return refused.reduce(0) { max($0, known.open, known.models[$1] ?? 0) }
        }
    }
}
