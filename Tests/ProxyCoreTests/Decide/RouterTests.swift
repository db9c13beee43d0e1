import Dialects
import RuleEngine
import Testing

@testable import ProxyCore

/// The policy is asked, then the rules; what they decide becomes a walk.
@Suite struct RouterTests {
    private static let file = """
        upstreams:
          a: {url: "http://127.0.0.1:1", dialect: anthropic, accounts: [{name: a1}, {name: a2}]}
          b: {url: "http://127.0.0.1:2", dialect: openai}
        policies:
          narrow: {models: ["claude-*"], paths: ["/v1/files/**"]}
        rules:
          - {name: no, models: ["claude-2"], reject: {status: 410, message: gone}}
          - {name: images, models: ["claude-*"], when: request.has_images, tiers: [b]}
          - {name: claude, models: ["claude-*"], tiers: ["a/opus-*", b]}
          - {name: gpt, models: ["gpt-*"], tiers: [b]}
          - {name: files, paths: ["/v1/files/**"], tiers: [b]}
        """

    private static func router(_ policy: String?, path: String = "/v1/messages") throws -> Router {
        let snapshot = try #require(ConfigurationFixture.load(file).snapshot)
        let policies = PolicyTable(snapshot.configuration.policies)
        return Router(snapshot: snapshot, policy: policy.flatMap { policies[$0] }, path: path)
    }

    @Test(
        arguments: [
            ("default", "/v1/messages", "claude-5", "claude [5]"),
            ("narrow", "/v1/messages", "claude-5", "claude [5]"),
            ("default", "/v1/messages", "gpt-5", "gpt [5]"),
            ("narrow", "/v1/messages", "gpt-5", "permission 403: the API key may not use the model 'gpt-5'"),
            (nil, "/v1/messages", "gpt-5", "permission 403: the API key may not use the model 'gpt-5'"),
            ("default", "/v1/messages", "claude-2", "badRequest 410: gone (no)"),
            // The policy comes first: who may not ask is not told what the rules would say.
            (nil, "/v1/messages", "claude-2", "permission 403: the API key may not use the model 'claude-2'"),
            ("default", "/v1/messages", "o3", "notFound 404: the model 'o3' is not known here"),
            ("default", "/v1/files/f", "*", "files []"),
            ("narrow", "/v1/files/f", "*", "files []"),
            ("narrow", "/v1/batches", "*", "permission 403: the API key may not use this path"),
            ("default", "/v1/batches", "*", "notFound 404: no rule serves this path"),
        ] as [(String?, String, String, String)])
    func aRequestIsRoutedOrToldWhyNot(_ policy: String?, _ path: String, _ model: String, _ expected: String) throws {
        let router = try Self.router(policy, path: path)
        let told: String
        do throws(LocalReply) {
            var facts = Facts()
            facts.request.model = model
            facts.request.path = path
            let decision = try router.decide(model) { facts }
            told = "\(router.snapshot.routes[decision.rule].name) [\(decision.capture ?? "")]"
        } catch {
            let status = error.status ?? error.errorClass.status(for: .anthropic)
            let rule = error.rule.map { " (\(router.snapshot.rules.rules[$0].name))" } ?? ""
            told = "\(error.errorClass) \(status): \(error.message)\(rule)"
            #expect(error.stage == .decide)
        }
        #expect(told == expected)
    }

    @Test(
        arguments: [
            ("default", "/v1/files/f", nil), ("narrow", "/v1/files/f", nil),
            ("narrow", "/v1/batches", "the API key may not use this path"),
            (nil, "/v1/files/f", "the API key may not use this path"),
            ("default", "/v1/batches", "no rule serves this path"),
        ] as [(String?, String, String?)])
    func aPathWithoutAModelIsRefusedBeforeThereIsABody(_ policy: String?, _ path: String, _ expected: String?) throws {
        let router = try Self.router(policy, path: path)
        do throws(LocalReply) {
            try router.admitWithoutModel()
            #expect(expected == nil)
        } catch {
            #expect(error.message == expected)
        }
    }

    @Test func factsDecide() throws {
        var facts = Facts()
        facts.request.model = "claude-5"
        facts.request.hasImages = true
        let router = try Self.router("default")
        #expect(router.snapshot.routes[try router.decide("claude-5") { facts }.rule].name == "images")
    }

    @Test func aDecisionBecomesAWalkOverItsTiers() throws {
        let router = try Self.router("default")
        var plan = router.plan(try router.decide("claude-5") { Facts() }, model: "claude-5") { 7 }
        #expect(plan.route.name == "claude")
        #expect(plan.rule == 2)
        var walk: [String] = []
        while let next = plan.attempts.next(AccountStates(), now: 0) {
            walk.append("\(router.snapshot.accountIDs[next.upstream][next.account].account) \(next.model)")
        }
        #expect(walk == ["a1 opus-5", "a2 opus-5", "default claude-5"])
    }

    @Test(
        arguments: [
            (["claude-5", "claude-5"], "claude"),
            (["gpt-5", "gpt-4"], "gpt"),
            (["claude-5", "gpt-5"], "the batch's models go to more than one upstream"),
            (["gpt-5", "claude-2"], "gone"),
            (["gpt-5", "o3"], "the model 'o3' is not known here"),
        ] as [([String], String)])
    func aBatchGoesToOneUpstream(_ models: [String], _ expected: String) throws {
        let router = try Self.router("default")
        var batch = models.map { BatchModel(name: $0) }
        do throws(LocalReply) {
            let decision = try router.decide(&batch, facts: Facts())
            #expect(router.snapshot.routes[decision.rule].name == expected)
            #expect(batch.map(\.rule) == models.map { _ in decision.rule })
            #expect(batch.map(\.capture) == models.map { $0.split(separator: "-").last.map(String.init) })
        } catch {
            #expect(error.message == expected)
        }
    }

    @Test(
        arguments: [
            ([], nil), (["claude-6", "claude-7"], nil),
            (["claude-6", "gpt-5"], "the models that the body names go to more than one upstream"), (["claude-2"], "gone"),
            (["o3"], "the model 'o3' is not known here"),
        ] as [([String], String?)])
    func whatABodyNamesBesideItsModelGoesWhereThatGoes(_ models: [String], _ expected: String?) throws {
        let router = try Self.router("default")
        let decision = try router.decide("claude-5") { Facts() }
        do throws(LocalReply) {
            try router.admit(models, beside: decision, facts: Facts())
            #expect(expected == nil)
        } catch {
            #expect(error.message == expected)
        }
    }

    @Test func aBatchNamesNoMoreThanAThousandModels() throws {
        let router = try Self.router("default")
        var batch = (0..<1000).map { BatchModel(name: "gpt-\($0)") }
        #expect(try router.decide(&batch, facts: Facts()).rule == 3)
        batch.append(BatchModel(name: "gpt-x"))
        #expect(throws: LocalReply.self) { try router.decide(&batch, facts: Facts()) }
    }
}
