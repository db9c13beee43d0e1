import RuleEngine

extension Schema {
    /// Who may log in at the admin plane without an admin key.
    enum OIDCKeys {
        static let issuer = Key(
            "issuer", .issuer, .required,
            "The issuer's address as its ID tokens have it, such as `https://login.example/realms/main`. `http` only on this machine."
        )
        private static let discovery = "/.well-known/openid-configuration"
        static let clientID = Key("client_id", .text("a client id"), .required, "What the issuer knows this proxyd by.")
        static let clientSecret = Key(
            "client_secret", .passphrase, .none("a public client: PKCE alone"), "The secret of that client, best as a reference.")
        static let roles = Key(
            "roles", .roles, .required,
            "An expression in CEL over `claims`, those of the ID token: it gives `admin`, `viewer` or `metrics`, or `\"\"` for nothing. "
                + "Where it fails, as for a claim that is not there, that is nothing too.")
        static let scopes = Key(
            "scopes", .list(.text("a scope")), .value("[openid, profile, email]"),
            "What is asked of the issuer; `openid` is always.")
        static let redirectURL = Key(
            "redirect_url", .webAddress("a URL"), .none("the address that the browser came to, and `/admin/oidc/callback`"),
            "Where the issuer sends the browser back to, as it is registered there: `https://proxy.example/admin/oidc/callback`.")

        static let kind: Kind<Configuration.OIDC> = .mapping(
            Mapping(issuer, clientID, clientSecret, roles, scopes, redirectURL)
        ) { section in
            let issuer = section[issuer]
            if let written = issuer, written.hasSuffix(discovery), let node = section.node(Self.issuer) {
                section.context.error(
                    at: node, "\(section.path).\(Self.issuer.name)",
                    "is the issuer's own address: '\(discovery)' is appended to it")
            }
            let id = section[clientID]
            let secret = section[clientSecret]
            let roles = section[roles]
            let scopes = section[scopes, or: []]
            let redirect = section[redirectURL]
            if let redirect, !redirect.hasSuffix("/admin/oidc/callback"), let place = section.place(redirectURL) {
                section.context.error(place, "logins come back to /admin/oidc/callback; the URL ends with it")
            }
            guard let issuer, let id, let roles, secret != nil || !section.has(clientSecret) else { return nil }
            var oidc = Configuration.OIDC(issuer: issuer, clientID: id, clientSecret: secret, roles: roles)
            oidc.scopes = scopes.contains("openid") ? scopes : ["openid"] + scopes
            oidc.redirectURL = redirect
            return oidc
        }
    }
}

extension Schema {
    /// The app itself is `lark`.
    enum LarkLoginKeys {
        static let roles = Key(
            "roles", .located(.roles), .required,
            "As `oidc.roles`; `claims` are what Lark says of its user: `enterprise_email`, `open_id`, `union_id`, `tenant_key` and others."
        )

        static let kind: Kind<Located<RoleExpression>> = .mapping(Mapping(roles)) { $0[roles] }
    }
}

extension Schema.Kind where Value == RoleExpression {
    static var roles: Self {
        let names = AdminRole.allCases.map(\.rawValue)
        return expression("expression", hidden: "what the reference stands for is no expression that gives a role") {
            text throws(Condition.Problem) in try RoleExpression(text, roles: names)
        }
    }
}

extension Schema.Kind where Value == String {
    /// An `https` URL, or an `http` one on this machine, without query and fragment.
    static var issuer: Self {
        scalar(Schema.Scalar(noun: "a URL", pattern: Schema.Pattern.issuer, shown: Schema.Shown.withoutQuery)) {
            text throws(Schema.Problem) in
            let url = try UpstreamURL.parse(text, .withQuery)
            guard !text.value.contains("?") else { throw Schema.Problem("an issuer's address has no query") }
            guard url.isTLS || url.isOnThisMachine else {
                throw Schema.Problem("an issuer is reached by https; by http only on this machine (localhost, 127.0.0.1, [::1])")
            }
            return text.value
        }
    }
}

extension UpstreamURL {
    /// A loopback address, or the name of one.
    public var isOnThisMachine: Bool {
        if socketPath != nil || host.lowercased() == "localhost" { return true }
        guard let address = AddressRange.Address(host) else { return false }
        return ["127.0.0.0/8", "::1"].contains { AddressRange($0)?.contains(address) ?? false }
    }
}
