import Basics
import Dialects

/// What a reload changed, in words, one for each change: `upstream kimi added`, `policy team: requests_per_minute 60 → 120`.
///
/// By what `GET /admin/config` shows of both files; that a secret is another is told, and never what it is.
struct ChangeWords {
    /// So many are kept.
    static let most = 40

    private(set) var all: [String] = []
    /// Values that the sections below inherit: told once.
    private var told: Set<String> = []

    static func between(_ old: Snapshot, _ new: Snapshot) -> [String] {
        var words = ChangeWords()
        // Where nothing that is shown has changed, a large file is not read for it.
        if old.shown != new.shown, !words.compareShown(old.shown, new.shown) { return [] }
        words.addTiers(old, new)
        words.addSecrets(old.configuration, new.configuration)
        words.addHiddenValues(old.configuration, new.configuration)
        guard words.all.count > most else { return words.all }
        return words.all.prefix(most) + ["and \(words.all.count - most) more"]
    }

    /// - Returns: whether both could be read.
    private mutating func compareShown(_ old: String, _ new: String) -> Bool {
        guard let before = try? JSONValue(parsing: Array(old.utf8)), let after = try? JSONValue(parsing: Array(new.utf8)) else {
            return false
        }
        let names = (before.object?.members.map(\.key) ?? []) + (after.object?.members.map(\.key) ?? [])
        var seen: Set<String> = []
        for name in names where seen.insert(name).inserted && Self.nouns[name] == nil {
            compare(before[name], after[name], subject: name)
        }
        for (section, noun) in Self.sections {
            compareItems(before[section], after[section], noun, isOrdered: section == "rules")
        }
        return true
    }

    private static let sections = [
        ("upstreams", "upstream"), ("rules", "rule"), ("models", "model"), ("policies", "policy"), ("keys", "key"),
        ("prices", "price of"), ("usage_limits", "limit"),
    ]
    private static let nouns = Dictionary(sections) { first, _ in first }

    // MARK: Items with names

    private mutating func compareItems(_ old: JSONValue?, _ new: JSONValue?, _ noun: String, isOrdered: Bool) {
        let (before, after) = (Self.items(old), Self.items(new))
        let (known, now) = (
            Dictionary(before) { first, _ in first }, Dictionary(after) { first, _ in first }
        )
        for (name, _) in after where known[name] == nil { all.append("\(noun) \(Self.shown(name)) added") }
        for (name, _) in before where now[name] == nil { all.append("\(noun) \(Self.shown(name)) removed") }
        for (name, value) in after {
            guard let was = known[name], was != value else { continue }
            compare(was, value, subject: "\(noun) \(Self.shown(name)):")
        }
        if isOrdered { addMoves(before.map(\.0).filter { now[$0] != nil }, after.map(\.0), known: Set(known.keys)) }
    }

    /// The elements of a list or mapping by their names; those without one by their places.
    private static func items(_ value: JSONValue?) -> [(String, JSONValue)] {
        if let object = value?.object { return object.members.map { ($0.key, $0.value) } }
        return (value?.array ?? []).enumerated().map { index, element in
            (element["name"]?.string ?? "\(index + 1)", element)
        }
    }

    /// Rules that stand elsewhere among those that both files have.
    private mutating func addMoves(_ old: [String], _ new: [String], known: Set<String>) {
        let common = new.filter(known.contains)
        guard old != common, Set(old).count == old.count, Set(common).count == common.count, common.count <= 2_000 else { return }
        let places = Dictionary(old.enumerated().map { ($1, $0) }) { first, _ in first }
        let kept = Self.longestRise(common.map { places[$0] ?? 0 })
        for (index, name) in common.enumerated() where !kept.contains(index) {
            let place = (new.firstIndex(of: name) ?? 0) + 1
            let next = index + 1 < common.count ? "now before '\(Self.shown(common[index + 1]))'" : "now last"
            all.append("rule \(place) '\(Self.shown(name))' \(next)")
        }
    }

    /// The indices of a longest rising run of numbers: what need not have been moved.
    private static func longestRise(_ numbers: [Int]) -> Set<Int> {
        var tails: [Int] = []
        var before = [Int?](repeating: nil, count: numbers.count)
        for index in numbers.indices {
            var low = 0
            var high = tails.count
            while low < high {
                let middle = (low + high) / 2
                if numbers[tails[middle]] < numbers[index] { low = middle + 1 } else { high = middle }
            }
            if low > 0 { before[index] = tails[low - 1] }
            if low == tails.count { tails.append(index) } else { tails[low] = index }
        }
        var kept: Set<Int> = []
        var next = tails.last
        while let index = next {
            kept.insert(index)
            next = before[index]
        }
        return kept
    }

    // MARK: Values

    private mutating func compare(_ old: JSONValue?, _ new: JSONValue?, subject: String) {
        guard old != new else { return }
        let path = subject.hasSuffix(":") ? "" : subject
        for difference in ConfigurationDifference.between(old ?? .null, new ?? .null, path: path) {
            // Whole targets as JSON; what they are called says more.
            if path.isEmpty, difference.path == "tiers" {
                compareTargets(old?["tiers"], new?["tiers"], path: "tiers", subject: subject)
            } else {
                add(difference, subject: path.isEmpty ? subject : "")
            }
        }
    }

    /// What is another about targets that are called the same.
    private mutating func compareTargets(_ old: JSONValue?, _ new: JSONValue?, path: String, subject: String) {
        guard let before = old?.array, let after = new?.array, before.count == after.count else { return }
        for (index, (was, now)) in zip(before, after).enumerated() where was != now {
            guard was["upstream"] == now["upstream"], was["model"] == now["model"] else { continue }
            let path = "\(path)[\(index)]"
            for difference in ConfigurationDifference.between(was, now, path: path) {
                if difference.path == "\(path).any" {
                    compareTargets(was["any"], now["any"], path: difference.path, subject: subject)
                } else {
                    add(difference, subject: subject)
                }
            }
        }
    }

    private mutating func add(_ difference: ConfigurationDifference, subject: String) {
        let name = difference.path.split(separator: ".").last.map(String.init) ?? difference.path
        let change = Self.change(difference.old, difference.new)
        guard told.insert("\(name)\n\(difference.old ?? "")\n\(difference.new ?? "")").inserted else { return }
        let subject = subject.isEmpty ? "" : "\(subject) "
        all.append("\(subject)\(difference.path)\(difference.path.isEmpty ? "" : " ")\(change)")
    }

    private static func change(_ old: String?, _ new: String?) -> String {
        switch (old.map(bare), new.map(bare)) {
        // A section is named by its path; its JSON would say no more.
        case (nil, let now?), ("null", let now?): new?.first == "{" ? "added" : "\(now) added"
        case (let before?, nil), (let before?, "null"): old?.first == "{" ? "removed" : "\(before) removed"
        case (let old?, let new?): "\(old) → \(new)"
        case (nil, nil): "changed"
        }
    }

    /// A text without its quotes; a long value's beginning.
    private static func bare(_ json: String) -> String {
        let text = json.count >= 2 && json.hasPrefix("\"") && json.hasSuffix("\"") ? String(json.dropFirst().dropLast()) : json
        return shown(text)
    }

    private static func shown(_ text: String) -> String { text.count > 80 ? text.prefix(80) + "…" : text }

    /// Where rules lead to, by the names of the tiers.
    private mutating func addTiers(_ old: Snapshot, _ new: Snapshot) {
        func tiers(_ snapshot: Snapshot) -> [(String, String)] {
            snapshot.routes.prefix(snapshot.rules.rules.count).map { ($0.name, $0.tiers.map(\.text).joined(separator: ", ")) }
        }
        let before = Dictionary(tiers(old)) { first, _ in first }
        for (name, now) in tiers(new) {
            guard let was = before[name], was != now else { continue }
            all.append("rule \(Self.shown(name)): tiers \(Self.shown(was)) → \(Self.shown(now))")
        }
    }

    // MARK: Secrets

    private mutating func addSecrets(_ old: Configuration, _ new: Configuration) {
        let upstreams = Dictionary(old.upstreams.map { ($0.name, $0) }) { first, _ in first }
        for upstream in new.upstreams {
            guard let before = upstreams[upstream.name] else { continue }
            let accounts = Dictionary(before.accounts.map { ($0.name, $0) }) { first, _ in first }
            for account in upstream.accounts where accounts[account.name].map({ $0.key != account.key }) == true {
                all.append("upstream \(upstream.name): account \(account.name) has another key")
            }
        }
        let keys = Dictionary(old.keys.map { ($0.name, $0.digest) }) { first, _ in first }
        for key in new.keys where keys[key.name].map({ $0 != key.digest }) == true { all.append("key \(key.name): another text") }
        let admins = Dictionary((old.admin?.keys ?? []).map { ($0.name, $0.key) }) { first, _ in first }
        for key in new.admin?.keys ?? [] where admins[key.name].map({ $0 != key.key }) == true {
            all.append("admin key \(key.name): another text")
        }
    }

    /// What is shown of neither file, beside keys.
    private mutating func addHiddenValues(_ old: Configuration, _ new: Configuration) {
        let before = Dictionary(Self.hiddenValues(of: old)) { first, _ in first }
        for (place, value) in Self.hiddenValues(of: new) where before[place].map({ $0 != value }) == true {
            all.append("\(place) has another value")
        }
    }

    /// Secrets and the places they are in. A place that is shown in part has that part in its name: another one has been told.
    private static func hiddenValues(of configuration: Configuration) -> [(String, Secret)] {
        let (lark, cluster) = (configuration.lark, configuration.cluster)
        var values: [(String, Secret?)] = [
            ("admin.oidc.client_secret", configuration.admin?.oidc?.clientSecret),
            ("lark.app_secret", lark?.appSecret), ("lark.verification_token", lark?.verificationToken),
            ("lark.encrypt_key", lark?.encryptKey), ("alerts.webhook", configuration.alerts.webhook),
        ]
        for header in configuration.telemetry?.headers ?? [] { values.append(("telemetry.headers.\(header.name)", header.value)) }
        for server in cluster?.limits ?? [] { values.append(("the password of \(server)", server.password)) }
        if let store = cluster?.store { values.append(("cluster.store \(store)", store.uri)) }
        for upstream in configuration.upstreams {
            let name = "upstream \(shown(upstream.name))"
            for header in upstream.headers { values.append(("\(name): header \(header.name)", Secret(header.value))) }
            guard let proxy = upstream.proxy else { continue }
            values.append(("\(name): the password of the proxy \(proxy.authority)", proxy.credentials))
        }
        return values.compactMap { place, value in value.map { (place, $0) } }
    }
}
