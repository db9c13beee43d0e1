import Dialects
import ProxyCore
import RuleEngine

/// The running configuration under the names `proxy.yaml` has, defaults filled in, every secret `<redacted>`.
struct MaskedConfiguration {
    let snapshot: Snapshot

    var json: JSONValue {
        let configuration = snapshot.configuration
        return [
            "listen": .array(configuration.listeners.map(listener)),
            "trusted_proxies": .strings(configuration.trustedProxies.texts),
            "admin": configuration.admin.map(admin) ?? .null,
            "state": .string(configuration.statePath),
            "timezone": .string(configuration.timeZone.name),
            "on_storage_failure": .string(configuration.onStorageFailure.rawValue),
            "timeouts": timeouts(configuration.timeouts),
            "limits": [
                "body": .int(configuration.limits.body), "headers": .int(configuration.limits.headers),
                "connections": .int(configuration.limits.connections),
            ],
            "upstreams": .ordered(configuration.upstreams.map { ($0.name, upstream($0)) }),
            "fallback": fallback(configuration.fallback),
            "rules": .array(snapshot.rules.rules.indices.map(rule)),
            "policies": .ordered(configuration.policies.values.sorted { $0.name < $1.name }.map { ($0.name, policy($0)) }),
            "keys": .array(configuration.keys.map(key)),
            "prices": .ordered(configuration.prices.sorted { $0.key < $1.key }.map { ($0.key, price($0.value)) }),
            "log": [
                "level": .string(configuration.log.level.rawValue), "format": .string(configuration.log.format.rawValue),
                "requests": .bool(configuration.log.requests),
            ],
            "lark": configuration.lark.map(lark) ?? .null,
        ]
    }

    private func secret(_ secret: Secret?) -> JSONValue { .text(secret.map(\.description)) }

    /// Without its query, where webhooks like to carry their token.
    private func address(_ url: String?) -> JSONValue { .text(url.map { String($0.prefix { $0 != "?" }) }) }

    private func listener(_ listener: Listener) -> JSONValue {
        let host = listener.host.contains(":") ? "[\(listener.host)]" : listener.host
        let tls = listener.tls.map { tls in
            [
                "certificate": .string(tls.certificate), "key": .string(tls.key), "client_ca": .text(tls.clientCA),
            ] as JSONValue
        }
        return [
            "address": .string(listener.unixPath.map { "unix:\($0)" } ?? "\(host):\(listener.port)"), "tls": tls ?? .null,
            "proxyd_headers": .bool(listener.proxydHeaders),
            "proxy_protocol": .bool(listener.proxyProtocol),
        ]
    }

    private func admin(_ admin: Configuration.Admin) -> JSONValue {
        [
            "key": secret(admin.key), "listen": admin.listener.map(listener) ?? .null,
            "allow_from": .strings(admin.allowFrom.map(\.description)),
        ]
    }

    private func timeouts(_ timeouts: Timeouts) -> JSONValue {
        [
            "head": duration(timeouts.head), "connect": duration(timeouts.connect), "first_byte": duration(timeouts.firstByte),
            "idle": duration(timeouts.idle), "drain": duration(timeouts.drain),
        ]
    }

    private func duration(_ duration: Duration) -> JSONValue {
        let (seconds, attoseconds) = duration.components
        guard attoseconds != 0 else { return .string("\(seconds)s") }
        return .string("\(seconds &* 1000 &+ attoseconds / 1_000_000_000_000_000)ms")
    }

    private func upstream(_ upstream: Upstream) -> JSONValue {
        [
            "url": .string(upstream.url.description),
            "dialect": .string(upstream.dialect.rawValue),
            "proxy": .text(upstream.proxy.map { "http://\($0.authority)" }),
            "accounts": .array(
                upstream.accounts.map {
                    ["name": .string($0.name), "key": secret($0.key), "weight": .int($0.weight)]
                }),
            "quota": upstream.quota.map(quota) ?? .null,
            "threshold": .text(upstream.threshold.map { Percent.text($0) }),
            "timeouts": timeouts(upstream.timeouts),
            "deployments": .map(upstream.deployments),
            "api_version": .text(upstream.apiVersion),
            // A header's value may be a credential.
            "headers": .ordered(upstream.headers.map { ($0.name, .string(Secret("").description)) }),
        ]
    }

    private func quota(_ quota: QuotaSource) -> JSONValue {
        [
            "poll": address(quota.poll), "interval": duration(quota.interval), "timeout": duration(quota.timeout),
            "headers": .bool(quota.headers),
        ]
    }

    private func fallback(_ fallback: FallbackPolicy) -> JSONValue {
        [
            "enabled": .bool(fallback.enabled), "threshold": .string(Percent.text(fallback.threshold)),
            "on": .strings(fallback.on.map(word).sorted()), "cooldown": duration(fallback.cooldown),
        ]
    }

    private func word(_ trigger: FallbackPolicy.Trigger) -> String {
        switch trigger {
        case .status(let status): "\(status)"
        case .statusClass(let digit): "\(digit)xx"
        case .exhausted: "exhausted"
        case .unauthorized: "unauthorized"
        case .unreachable: "unreachable"
        case .timeout: "timeout"
        }
    }

    private func rule(_ index: Int) -> JSONValue {
        let rule = snapshot.rules.rules[index]
        let head: JSONValue = [
            "name": .string(rule.name), "models": .strings(rule.models.map(\.text)), "when": .text(rule.condition?.source),
        ]
        switch rule.action {
        case .reject(let rejection):
            return head.adding(["reject": ["status": .int(rejection.status), "message": .string(rejection.message)]])
        case .route:
            guard snapshot.routes.indices.contains(index) else { return head }
            let route = snapshot.routes[index]
            return head.adding([
                "tiers": .array(route.tiers.map(tier)), "fallback": fallback(route.fallback),
                "set": .strings(route.set.map(\.member)), "tags": .map(route.tags),
            ])
        }
    }

    private func tier(_ tier: ResolvedTier) -> JSONValue {
        [
            "tier": .string(tier.text), "choose": .string(tier.choice.rawValue),
            "any": .array(
                tier.targets.map { target in
                    [
                        "upstream": .string(target.tierTarget.upstream), "model": .text(target.tierTarget.model),
                        "weight": .int(target.tierTarget.weight), "threshold": .string(Percent.text(target.threshold)),
                        "max_tokens": .count(target.tierTarget.maxTokens), "timeouts": timeouts(target.timeouts),
                    ]
                }),
        ]
    }

    private func policy(_ policy: KeyPolicy) -> JSONValue {
        [
            "models": policy.models.map { .strings($0) } ?? .null,
            "allow_from": .strings(policy.allowFrom.map(\.description)),
            "requests_per_minute": .count(policy.requestsPerMinute),
            "tokens_per_minute": .count(policy.tokensPerMinute),
            "tokens_per_day": .count(policy.tokensPerDay),
            "budget_per_month": dollars(policy.budgetPerMonthNanoDollars),
            "concurrent_requests": .count(policy.concurrentRequests),
        ]
    }

    private func key(_ key: DeclaredKey) -> JSONValue {
        [
            "name": .string(key.name), "key": .string(key.masked.isEmpty ? Secret("").description : key.masked),
            "policy": .string(key.policy), "tags": .map(key.tags),
        ]
    }

    private func price(_ price: Price) -> JSONValue {
        [
            "input": dollars(price.input), "output": dollars(price.output), "cache_read": dollars(price.cacheRead),
            "cache_write": dollars(price.cacheWrite),
        ]
    }

    /// USD from nano-dollars, to the last digit.
    private func dollars(_ nano: Int?) -> JSONValue {
        guard let nano else { return .null }
        var fraction = String(nano.magnitude % 1_000_000_000)
        fraction = String(repeating: "0", count: 9 - fraction.utf8.count) + fraction
        while fraction.last == "0" { fraction.removeLast() }
        let whole = "\(nano < 0 ? "-" : "")\(nano.magnitude / 1_000_000_000)"
        return .number(fraction.isEmpty ? whole : "\(whole).\(fraction)")
    }

    private func lark(_ lark: Configuration.Lark) -> JSONValue {
        [
            "app_id": .string(lark.appID), "app_secret": secret(lark.appSecret), "token_file": .string(lark.tokenFile),
            "forward_cards_to": address(lark.forwardCardsTo), "check_state": .bool(lark.checkState),
            "verification_token": secret(lark.verificationToken), "encrypt_key": secret(lark.encryptKey),
            "api": .string(lark.api),
        ]
    }
}
