import RuleEngine
import Testing

@Suite("Role expressions")
struct RoleExpressionTests {
    private static let roles = ["admin", "viewer", "metrics"]

    private static let claims: [(name: String, value: RoleExpression.Claim)] = [
        ("sub", .text("u-1")), ("email", .text("ann@example.com")), ("verified", .bool(true)), ("level", .int(3)),
        ("ratio", .double(1.5)), ("nothing", .null), ("groups", .list([.text("staff"), .text("ops")])),
        ("https://example.com/org", .map([("name", .text("acme")), ("teams", .list([.map([("id", .int(7))])]))])),
    ]

    @Test(
        "A claim decides",
        arguments: [
            ("'ops' in claims.groups ? 'admin' : 'viewer'", "admin"), ("'root' in claims.groups ? 'admin' : ''", ""),
            ("claims.email.endsWith('@example.com') ? 'viewer' : ''", "viewer"), ("'metrics'", "metrics"),
            ("claims.level >= 3 && claims.ratio < 2 ? 'admin' : ''", "admin"), ("claims.verified ? 'viewer' : ''", "viewer"),
            ("claims['https://example.com/org'].teams.exists(t, t.id == 7) ? 'admin' : ''", "admin"),
            ("has(claims.role) ? string(claims.role) : 'viewer'", "viewer"), ("claims.nothing == null ? 'viewer' : ''", "viewer"),
            ("claims.sub", "u-1"), ("cel.bind(g, claims.groups, size(g) == 2 ? 'viewer' : '')", "viewer"),
        ])
    func gives(source: String, role: String) throws {
        #expect(try RoleExpression(source, roles: Self.roles).evaluate(claims: Self.claims) == .role(role))
    }

    @Test(
        "What has no value for somebody is told",
        arguments: ["claims.role", "'ops' in claims.level ? 'admin' : ''", "claims.level", "claims.email.name"])
    func fails(source: String) throws {
        guard case .failed = try RoleExpression(source, roles: Self.roles).evaluate(claims: Self.claims) else {
            Issue.record("\(source) has a value")
            return
        }
    }

    @Test(
        "What gives no role is refused when it is read, at its place",
        arguments: [
            ("claims.sub == 'x'", 0, "'roles' must be a text, this is a bool"), ("clams.sub", 0, "did you mean 'claims'?"),
            ("true ? 'admn' : ''", 7, "'admn' is no role (did you mean 'admin'?); there are admin, viewer, metrics"),
            ("'Viewer'", 0, "'Viewer' is no role"), ("request.model", 0, "'request' is not known"), ("claims.", 7, ""),
            ("1 / 0 == 1 ? '' : ''", 0, "this always fails"),
        ])
    func refuses(source: String, offset: Int, message: String) throws {
        let problem = try #require(throws: Condition.Problem.self) { try RoleExpression(source, roles: Self.roles) }
        #expect(problem.offset == offset)
        #expect(message.isEmpty || problem.message.contains(message))
    }

    @Test("Claims that are there twice, or nested without end, give no role")
    func hostileClaims() throws {
        let expression = try RoleExpression("'admin'", roles: Self.roles)
        var deep = RoleExpression.Claim.list([])
        for _ in 0..<100 { deep = .list([deep]) }
        for claims in [[("a", RoleExpression.Claim.int(1)), ("a", .int(2))], [("a", deep)]] {
            guard case .failed = expression.evaluate(claims: claims.map { (name: $0.0, value: $0.1) }) else {
                Issue.record("they were taken")
                continue
            }
        }
    }

    @Test("An expression that would go on without end is given up")
    func endless() throws {
        let list = RoleExpression.Claim.list((0..<2_000).map { .int($0) })
        let expression = try RoleExpression(
            "claims.a.all(x, claims.a.all(y, x + y >= 0)) ? 'admin' : ''", roles: Self.roles)
        guard case .failed = expression.evaluate(claims: [("a", list)]) else {
            Issue.record("it came to an end")
            return
        }
    }
}
