import RuleEngine

extension Configuration {
    /// An OpenID Connect issuer whose people may log in at the admin plane.
    public struct OIDC: Sendable, Hashable {
        /// The issuer as its tokens name it: without a slash at its end unless the issuer has one.
        public var issuer: String
        public var clientID: String
        /// nil: a public client, which PKCE alone protects.
        public var clientSecret: Secret?
        /// Gives the name of an `AdminRole`, or nothing, by the claims of the ID token.
        public var roles: RoleExpression
        public var scopes = Schema.OIDCKeys.scopes.byDefault
        /// Where the issuer sends the browser back to; nil: to the address that the login was begun at.
        public var redirectURL: String?

        public init(issuer: String, clientID: String, clientSecret: Secret?, roles: RoleExpression) {
            self.issuer = issuer
            self.clientID = clientID
            self.clientSecret = clientSecret
            self.roles = roles
        }
    }

    /// The Lark app whose people may log in at the admin plane.
    public struct LarkLogin: Sendable, Hashable {
        public var app: Lark
        /// Gives the name of an `AdminRole`, or nothing, by what Lark says of its user.
        public var roles: RoleExpression

        public init(app: Lark, roles: RoleExpression) {
            self.app = app
            self.roles = roles
        }
    }
}
