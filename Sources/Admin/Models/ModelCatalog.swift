import ProxyCore
import RuleEngine

/// The models a key may ask for: those the rules name in full, those quota polls know, and Azure's deployments, as far as
/// a rule leads them anywhere and the key's policy allows them. Patterns name no model and are not listed.
struct ModelCatalog {
    let snapshot: Snapshot
    let accounts: LiveAccounts

    /// In the order of the file, then of the polls.
    func models(for policy: KeyPolicy) -> [String] {
        let allowed = policy.models.map { $0.map(Glob.init) }
        var seen: Set<String> = []
        return candidates.filter { model in
            guard seen.insert(model).inserted, leadsSomewhere(model) else { return false }
            return allowed?.contains { $0.match(model) != nil } ?? true
        }
    }

    private var candidates: [String] {
        let literal = snapshot.rules.rules.flatMap(\.models).map(\.text).filter { !$0.contains("*") }
        let upstreams = snapshot.usedUpstreams
        let deployed = upstreams.flatMap { $0.deployments.keys.sorted() }
        let polled = upstreams.flatMap { upstream in
            accounts.polledModels(of: upstream.name).sorted()
        }
        return literal + deployed + polled
    }

    /// Whether some request for the model can reach a tier. A condition may go either way, so a rule with one decides
    /// only in favour.
    private func leadsSomewhere(_ model: String) -> Bool {
        for rule in snapshot.rules.rules where rule.match(model) != nil {
            switch rule.action {
            case .route: return true
            case .reject: if rule.condition == nil { return false }
            }
        }
        return false
    }
}
