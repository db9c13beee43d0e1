/// Refuses a save that takes too much away: a file cut short by an editor, a template that found no values.
enum ReloadGuard {
    /// Why a new file is refused, one for each section that loses more than the running file's `reload_guard` lets it.
    static func refusals(from old: Snapshot, to new: Snapshot) -> [ReloadRefusal] {
        guard let most = old.configuration.reload.maxRemoved else { return [] }
        let (a, b) = (old.configuration, new.configuration)
        func policies(_ configuration: Configuration) -> [String] { configuration.policies.keys.filter { $0 != "default" } }
        return [
            refusal("upstreams", a.upstreams.map(\.name), b.upstreams.map(\.name), most),
            refusal("rules", rules(old), rules(new), most),
            refusal("keys", a.keys.map(\.name), b.keys.map(\.name), most),
            refusal("policies", policies(a), policies(b), most),
        ].compactMap { $0 }
    }

    private static func refusal(_ section: String, _ old: [String], _ new: [String], _ most: Double) -> ReloadRefusal? {
        let kept = Set(new)
        let removed = old.filter { !kept.contains($0) }
        guard !removed.isEmpty, Double(removed.count) > most * Double(old.count) else { return nil }
        let count = "\(removed.count) of \(old.count) \(section)"
        let shown = removed.sorted().prefix(5).map { "'\($0)'" }.joined(separator: ", ") + (removed.count > 5 ? ", …" : "")
        return ReloadRefusal(
            key: section,
            message: "reload_guard: \(count) would be removed (\(percent(removed.count, of: old.count))), "
                + "more than max_removed: \(percent(most)) allows: \(shown); 'proxyd reload --force' applies it all the same")
    }

    private static func rules(_ snapshot: Snapshot) -> [String] {
        snapshot.routes.prefix(snapshot.rules.rules.count).map(\.name)
    }

    private static func percent(_ count: Int, of all: Int) -> String { percent(Double(count) / Double(max(all, 1))) }

    private static func percent(_ share: Double) -> String {
        let tenths = Int((share * 1_000).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)%" : "\(tenths / 10).\(tenths % 10)%"
    }
}
