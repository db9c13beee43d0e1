import Basics

/// What a reload changed, in one line and by names alone: `upstreams: +kimi, ~openai; rules: 4 → 5, +long prompts`.
enum ChangeSummary {
    static func text(from old: Snapshot, to new: Snapshot) -> String {
        let a = old.configuration
        let b = new.configuration
        var parts: [String?] = []
        parts.append(
            value("listen", a.listeners.map(\.text).joined(separator: " "), b.listeners.map(\.text).joined(separator: " ")))
        if parts[0] == nil { parts.append(changes(of: "listen", a.listeners, b.listeners)) }
        parts.append(flag("trusted_proxies", a.trustedProxies == b.trustedProxies))
        parts.append(flag("admin", a.admin == b.admin))
        parts.append(value("state", a.statePath, b.statePath))
        parts.append(value("timezone", a.timeZone.name, b.timeZone.name))
        parts.append(flag("timeouts", a.timeouts == b.timeouts))
        parts.append(flag("limits", a.limits == b.limits))
        parts.append(
            names("upstreams", a.upstreams.map { ($0.name, $0) }, b.upstreams.map { ($0.name, $0) }))
        parts.append(flag("proxies", a.proxies == b.proxies))
        parts.append(flag("fallback", a.fallback == b.fallback))
        parts.append(names("rules", rules(old), rules(new)))
        parts.append(names("policies", pairs(a.policies), pairs(b.policies)))
        parts.append(names("keys", a.keys.map { ($0.name, $0) }, b.keys.map { ($0.name, $0) }))
        parts.append(names("models", a.aliases.map { ($0.name, $0) }, b.aliases.map { ($0.name, $0) }))
        parts.append(names("prices", pairs(a.prices), pairs(b.prices)))
        parts.append(value("prices.unknown", a.unknownPrice.rawValue, b.unknownPrice.rawValue))
        parts.append(names("usage_limits", limits(a), limits(b)))
        parts.append(flag("log", a.log == b.log))
        parts.append(flag("usage", a.usage == b.usage))
        parts.append(flag("lark", a.lark == b.lark))
        parts.append(flag("alerts", a.alerts == b.alerts))
        parts.append(flag("events", a.events == b.events))
        parts.append(flag("telemetry", a.telemetry == b.telemetry))
        parts.append(flag("cluster", a.cluster == b.cluster))
        parts.append(flag("reload", a.reload == b.reload))
        let changes = parts.compactMap { $0 }
        return changes.isEmpty ? "no setting" : changes.joined(separator: "; ")
    }

    /// Whether any request may be served otherwise: only that can be tried by some of them.
    static func concernsRequests(from old: Snapshot, to new: Snapshot) -> Bool {
        let (a, b) = (old.configuration, new.configuration)
        return a.timeouts != b.timeouts || a.upstreams != b.upstreams || a.proxies != b.proxies || a.fallback != b.fallback
            || rules(old).map(\.1) != rules(new).map(\.1) || a.policies != b.policies || a.keys != b.keys
            || a.aliases != b.aliases || a.prices != b.prices || a.unknownPrice != b.unknownPrice
            || limits(a).map(\.1) != limits(b).map(\.1)
    }

    private static func value(_ key: String, _ old: String, _ new: String) -> String? {
        old == new ? nil : "\(key): \(old) → \(new)"
    }

    private static func flag(_ key: String, _ isSame: Bool) -> String? {
        isSame ? nil : "\(key): changed"
    }

    /// Which settings of the listeners, whose addresses are the same, are others: `listen: certificate, headers`.
    private static func changes(of key: String, _ old: [Listener], _ new: [Listener]) -> String? {
        var what: [String] = []
        for (before, after) in zip(old, new) where before != after {
            switch (before.tls, after.tls) {
            case (nil, nil): break
            case (nil, _?), (_?, nil): what.append("tls \(after.tls == nil ? "off" : "on")")
            case (let one?, let other?) where one != other:
                what.append(
                    one.clientCA == other.clientCA && one.clientCADigest == other.clientCADigest ? "certificate" : "client_ca")
            case (_?, _?): break
            }
            if before.proxydHeaders != after.proxydHeaders { what.append("headers") }
        }
        let shown = what.enumerated().filter { what.firstIndex(of: $0.element) == $0.offset }.map(\.element)
        return old == new ? nil : "\(key): \(shown.isEmpty ? "changed" : shown.joined(separator: ", "))"
    }

    private static func names<Value: Equatable>(_ key: String, _ old: [(String, Value)], _ new: [(String, Value)]) -> String? {
        let before = Dictionary(old) { first, _ in first }
        let after = Dictionary(new) { first, _ in first }
        var changes = new.filter { before[$0.0] == nil }.map { "+\($0.0)" }
        changes += old.filter { after[$0.0] == nil }.map { "-\($0.0)" }
        changes += new.filter { name, value in before[name].map { $0 != value } ?? false }.map { "~\($0.0)" }
        if changes.isEmpty, old.map(\.0) != new.map(\.0) { changes = ["order"] }
        guard !changes.isEmpty else { return nil }
        let shown = changes.prefix(12).joined(separator: ", ") + (changes.count > 12 ? ", …" : "")
        let counts = old.count == new.count ? "" : "\(old.count) → \(new.count), "
        return "\(key): \(counts)\(shown)"
    }

    private static func rules(_ snapshot: Snapshot) -> [(String, String)] {
        snapshot.routes.prefix(snapshot.rules.rules.count).map { ($0.name, $0.digest) }
    }

    private static func limits(_ configuration: Configuration) -> [(String, String)] {
        configuration.usageLimits.map { entry in
            let rates =
                entry.limit.rates.map { "\($0.key)=\($0.most)" } + ["\(entry.limit.countsCached)", entry.limit.reserve.rawValue]
            return (entry.limit.name, (rates + [entry.per.source, entry.condition?.source ?? ""]).joined(separator: "\n"))
        }
    }

    private static func pairs<Value>(_ values: [String: Value]) -> [(String, Value)] {
        values.inKeyOrder().map { ($0.key, $0.value) }
    }
}
