import Dialects
import Foundation
import ProxyCore
import RuleEngine
import Testing

@testable import Admin

@Suite struct FallbackCallTests {
    private static let now = AdminFixture.now * 1000
    private static let openAIMain = AccountID(upstream: "openai", account: "main")

    /// Two accounts: the first is empty, the second holds what counts.
    private static func poll(_ fixture: AdminFixture, opus: String = "0.8", gemini: String = "0.02") {
        let body = """
            {"accounts":[
              {"email":"a@example.com","status":"ok","models":{"claude-opus-4-6-thinking":{"remainingFraction":0,"resetTime":"2026-02-11T07:00:00Z"}}},
              {"email":"b@example.com","status":"ok","models":{"claude-opus-4-6-thinking":{"remainingFraction":\(opus),"resetTime":null},
                "gemini-3-pro-high":{"remainingFraction":\(gemini),"resetTime":"2026-02-11T08:30:00Z"}}}]}
            """
        guard let reading = QuotaReading(health: Array(body.utf8), takenAt: now - 10_000, goodUntil: now + 90_000) else { return }
        fixture.accounts.record(reading, upstream: "antigravity", threshold: 0.05, now: now)
    }

    @Test("The first chain has the predecessor's five members, and model by model what a tier would find that keeps the name")
    func summary() async throws {
        let fixture = AdminFixture()
        Self.poll(fixture)
        let response = await fixture.admin("GET", "/admin/fallback")
        let report = try #require(response.json?.object)
        #expect(report.members.map(\.key) == ["enabled", "tiers", "last_health_poll", "rules", "accounts", "upstreams"])
        #expect(report["enabled"] == true)
        #expect(report["last_health_poll"]?.string == "2026-02-11T14:03:10+08:00")
        #expect(
            report["tiers"]?.text == """
                [{"name":"antigravity","model":"claude-opus-4-6-thinking","type":"anthropic","remaining":"80%","available":true,\
                "models":[{"model":"claude-opus-4-6-thinking","available":true,"remaining":"80%"}]},\
                {"name":"antigravity/gemini-3-pro-high","model":"gemini-3-pro-high","type":"anthropic","remaining":"2%","available":false}]
                """)
    }

    @Test("Before the first poll everything is unknown and available")
    func unknown() async throws {
        let report = try #require(await AdminFixture().admin("GET", "/admin/fallback").json)
        #expect(report["last_health_poll"]?.isNull == true)
        let tiers = try #require(report["tiers"]?.array)
        #expect(tiers.map { $0["remaining"]?.string } == ["unknown", "unknown"])
        #expect(tiers.map { $0["available"]?.bool } == [true, true])
    }

    @Test(
        "Exactly the threshold is enough",
        arguments: [
            ("0.05", "5%", true), ("0.049", "4.9%", false), ("0.0500001", "5%", true), ("1", "100%", true), ("0", "0%", false),
            ("null", "unknown", true),
        ])
    func threshold(fraction: String, shown: String, isAvailable: Bool) async throws {
        let fixture = AdminFixture()
        Self.poll(fixture, opus: fraction)
        let tier = try #require(await fixture.admin("GET", "/admin/fallback").json?["tiers"]?.array?.first)
        #expect(tier["remaining"]?.string == shown)
        #expect(tier["available"]?.bool == isAvailable)
    }

    @Test("A rule's targets tell threshold, accounts and obstacle")
    func rules() async throws {
        let fixture = AdminFixture()
        fixture.accounts.cool(Self.openAIMain, model: "gpt-4o", until: Self.now + 60_000, reason: .response(.status(429)))
        fixture.accounts.refuse(
            AccountID(upstream: "openai", account: "spare"),
            AccountState.Refusal(until: Self.now + 300_000, message: "The key has been revoked."))
        let report = try #require(await fixture.admin("GET", "/admin/fallback").json)
        let rule = try #require(report["rules"]?.array?.first { $0["name"] == "gpt" })
        #expect(
            rule["tiers"]?.text == """
                [{"name":"openai","model":"gpt-4o","type":"openai","remaining":"unknown","available":false,"choose":"weighted",\
                "targets":[{"upstream":"openai","model":"gpt-4o","type":"openai","remaining":"unknown","threshold":"5%",\
                "available":false,"obstacle":"every account is cooling down or refused","max_tokens":8192,\
                "accounts":[{"name":"main","account":"main","state":"cooling","until":"2026-02-11T14:04:20+08:00","reason":"429",\
                "share":null},{"name":"spare","account":"spare","state":"refused","until":"2026-02-11T14:08:20+08:00",\
                "reason":"The key has been revoked.","share":null}]}],\
                "models":[{"model":"gpt-4o","available":false,"remaining":"unknown"}]}]
                """)
        #expect(
            report["accounts"]?.text == """
                [{"upstream":"antigravity","account":"default","name":"default","state":"ready","reason":null,"until":null,\
                \(Self.idle),"windows":[],"refused_until":null,"cooldowns":[]},\
                {"upstream":"openai","account":"main","name":"main","state":"cooling","reason":"it answered 429",\
                "until":"2026-02-11T14:04:20+08:00",\(Self.idle),"windows":[],"refused_until":null,\
                "cooldowns":[{"model":"gpt-4o","until":"2026-02-11T14:04:20+08:00","reason":"429"}]},\
                {"upstream":"openai","account":"spare","name":"spare","state":"refused","reason":"The key has been revoked.",\
                "until":"2026-02-11T14:08:20+08:00",\(Self.idle),"windows":[],\
                "refused_until":"2026-02-11T14:08:20+08:00","status":401,"cooldowns":[]}]
                """)
    }

    @Test("A tier that keeps a part of the name tells model by model")
    func starred() async throws {
        var fixture = AdminFixture()
        let tier = Tier(text: "openai/*", targets: [Tier.Target(upstream: "openai", model: "*")])
        fixture.rules = RuleSet([
            Rule(name: "all", models: [Glob("x/*")], condition: nil, action: .route([tier]))
        ])
        for account in [Self.openAIMain, AccountID(upstream: "openai", account: "spare")] {
            fixture.accounts.cool(account, model: "low", until: Self.now + 60_000, reason: .response(.status(429)))
        }
        let report = try #require(await fixture.admin("GET", "/admin/fallback").json)
        let told = try #require(report["rules"]?.array?.first?["tiers"]?.array?.first)
        #expect(told["models"]?.text == #"[{"model":"x/low","available":false,"remaining":"unknown"}]"#)
        #expect(told["available"] == true)
    }

    @Test("A tier that keeps the name is there when any model is that its rule names")
    func named() async throws {
        var fixture = AdminFixture()
        let tier = Tier(text: "openai", targets: [Tier.Target(upstream: "openai", model: nil)])
        fixture.rules = RuleSet([
            Rule(name: "all", models: [Glob("low"), Glob("full")], condition: nil, action: .route([tier]))
        ])
        for account in [Self.openAIMain, AccountID(upstream: "openai", account: "spare")] {
            fixture.accounts.cool(account, model: "low", until: Self.now + 60_000, reason: .response(.status(429)))
        }
        let report = try #require(await fixture.admin("GET", "/admin/fallback").json)
        let told = try #require(report["rules"]?.array?.first?["tiers"]?.array?.first)
        #expect(told["available"] == true)
        #expect(told["models"]?.array?.map { $0["available"]?.bool } == [true, false])
    }

    /// What an account is doing that was never asked.
    private static let idle = #""in_flight":0,"failures":0,"success_rate":null,"first_byte_ms":null,"last_error":null"#

    @Test("What upstreams say of their own accounts")
    func reported() async throws {
        let fixture = AdminFixture()
        Self.poll(fixture)
        let report = try #require(await fixture.admin("GET", "/admin/fallback").json)
        #expect(
            report["upstreams"]?.array?.first?.text == """
                {"name":"antigravity","type":"anthropic","serving":true,"last_health_poll":"2026-02-11T14:03:10+08:00",\
                "poll_error":null,"reported_accounts":[\
                {"name":"a@example.com","models":{"claude-opus-4-6-thinking":{"remaining":"0%","reset":"2026-02-11T15:00:00+08:00"}}},\
                {"name":"b@example.com","models":{"claude-opus-4-6-thinking":{"remaining":"80%","reset":null},\
                "gemini-3-pro-high":{"remaining":"2%","reset":"2026-02-11T16:30:00+08:00"}}}],\
                "models":{"count":0,"fetched_at":null,"error":null}}
                """)
    }

    @Test("A cooldown that is over is not shown")
    func over() async throws {
        let fixture = AdminFixture()
        fixture.accounts.cool(Self.openAIMain, model: "gpt-4o", until: Self.now - 1, reason: .response(.status(429)))
        let report = try #require(await fixture.admin("GET", "/admin/fallback").json)
        #expect(report["accounts"]?.array?[1]["state"] == "ready")
    }

    @Test("However many models rest, the answer stays small, and tells how many it left out")
    func many() async throws {
        let fixture = AdminFixture()
        for number in 0..<1_050 {
            fixture.accounts.cool(
                Self.openAIMain, model: "made-up-\(number)-" + String(repeating: "x", count: 230),
                until: Self.now + 60_000 + number,
                reason: .response(.statusClass(5)), modelStatus: .stranger, now: Self.now + number)
        }
        let response = await fixture.admin("GET", "/admin/fallback")
        #expect(response.body.count < 64 << 10)
        let account = try #require(response.json?["accounts"]?.array?[1])
        #expect(account["cooldowns"]?.array?.count == 50)
        #expect(account["more_cooldowns"]?.int == 950)
    }

    @Test("However much a poll tells, the answer stays small")
    func manyPolled() async throws {
        let fixture = AdminFixture()
        let models = (0..<100).map { #""m\#($0)":{"remainingFraction":0.5}"# }.joined(separator: ",")
        let accounts = (0..<60).map { #"{"name":"a\#($0)","models":{\#(models)}}"# }.joined(separator: ",")
        let body = Array(#"{"accounts":[\#(accounts)]}"#.utf8)
        let reading = try #require(QuotaReading(health: body, takenAt: Self.now, goodUntil: Self.now + 90_000))
        fixture.accounts.record(reading, upstream: "antigravity", threshold: 0.05, now: Self.now)
        let response = await fixture.admin("GET", "/admin/fallback")
        #expect(response.body.count < 384 << 10)
        let upstream = try #require(response.json?["upstreams"]?.array?.first)
        #expect(upstream["more_reported_accounts"]?.int == 10)
        #expect(upstream["reported_accounts"]?.array?.first?["more_models"]?.int == 50)
    }

    @Test("Of many models those with little left are told first, and how many more there are")
    func manyModels() async throws {
        let fixture = AdminFixture()
        let full = (0..<60).map { #""claude-opus-\#($0)":{"remainingFraction":0.9}"# }.joined(separator: ",")
        let body = #"{"accounts":[{"name":"a","models":{\#(full),"claude-opus-low":{"remainingFraction":0.01}}}]}"#
        let reading = try #require(QuotaReading(health: Array(body.utf8), takenAt: Self.now, goodUntil: Self.now + 90_000))
        fixture.accounts.record(reading, upstream: "antigravity", threshold: 0.05, now: Self.now)
        let tier = try #require(await fixture.admin("GET", "/admin/fallback").json?["tiers"]?.array?.first)
        let models = try #require(tier["models"]?.array)
        #expect(models.count == 50)
        #expect(models.first?.text == #"{"model":"claude-opus-low","available":false,"remaining":"1%"}"#)
        #expect(tier["more_models"]?.int == 12)
    }

    @Test("An operator frees an account")
    func free() async throws {
        let fixture = AdminFixture()
        fixture.accounts.cool(Self.openAIMain, model: "gpt-4o", until: Self.now + 60_000, reason: .response(.status(429)))
        fixture.accounts.refuse(Self.openAIMain, AccountState.Refusal(until: Self.now + 300_000))
        let response = await fixture.admin("POST", "/admin/accounts/openai/main/free")
        #expect(response.status == 200)
        #expect(response.json?.text == #"{"status":"freed","upstream":"openai","account":"main"}"#)
        #expect(await fixture.admin("GET", "/admin/fallback").json?["accounts"]?.array?[1]["state"] == "ready")
        #expect(await fixture.admin("POST", "/admin/accounts/openai/main/free").status == 200)
    }

    @Test("An operator takes an account out, until it is freed")
    func drain() async throws {
        let fixture = AdminFixture()
        let response = await fixture.admin("POST", "/admin/accounts/openai/main/drain")
        #expect(response.status == 200)
        #expect(response.json?.text == #"{"status":"drained","upstream":"openai","account":"main"}"#)
        #expect(await fixture.admin("GET", "/admin/fallback").json?["accounts"]?.array?[1]["state"] == "drained")
        #expect(await fixture.admin("POST", "/admin/accounts/openai/main/free").status == 200)
        #expect(await fixture.admin("GET", "/admin/fallback").json?["accounts"]?.array?[1]["state"] == "ready")
    }

    @Test(
        "An account that is not there is not freed, in words",
        arguments: [
            ("/admin/accounts/nobody/main/free", "nobody"), ("/admin/accounts/openai/other/free", "other"),
            ("/admin/accounts/openai/other/drain", "other"),
        ])
    func freeNobody(target: String, word: String) async {
        let response = await AdminFixture().admin("POST", target)
        #expect(response.status == 404)
        #expect(response.text.contains(word))
        #expect(await AdminFixture().admin("GET", target).status == 405)
    }

    @Test("An account without money says so")
    func money() async throws {
        let fixture = AdminFixture()
        fixture.accounts.refuse(
            Self.openAIMain,
            AccountState.Refusal(until: Self.now + 300_000, kind: .money, status: 402, message: "Insufficient Balance"))
        let account = try #require(await fixture.admin("GET", "/admin/fallback").json?["accounts"]?.array?[1])
        #expect(account["state"] == "out_of_money")
        #expect(account["reason"] == "Insufficient Balance")
    }

    @Test("A configuration without rules has no tiers")
    func noRules() async {
        var fixture = AdminFixture()
        fixture.rules = .init([])
        #expect(await fixture.admin("GET", "/admin/fallback").json?["tiers"]?.array?.isEmpty == true)
    }

    @Test(
        "Shares as people read them",
        arguments: [
            (0.8, "80%"), (0.805, "80.5%"), (1, "100%"), (0, "0%"), (0.57, "57%"), (0.999_99, "100%"), (-1, "0%"), (2, "100%"),
            (.nan, "unknown"),
        ])
    func percent(share: Double, text: String) {
        #expect(Percent.text(share) == text)
    }
}
