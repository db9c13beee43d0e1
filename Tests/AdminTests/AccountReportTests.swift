import Dialects
import Foundation
import RuleEngine
import Testing

@testable import Admin
@testable import ProxyCore

@Suite struct AccountReportTests {
    private static let now = AdminFixture.now * 1000
    private static let main = AccountID(upstream: "openai", account: "main")
    private static let spare = AccountID(upstream: "openai", account: "spare")

    private static func window(
        _ models: QuotaWindow.Models, _ kind: String, share: Double?, resetsIn seconds: Int? = nil, limit: Int? = nil,
        remaining: Int? = nil
    ) -> QuotaWindow {
        QuotaWindow(
            models, kind: kind, share: share, resetsAt: seconds.map { now + $0 * 1000 }, source: .headers, takenAt: now - 5_000,
            limit: limit, remaining: remaining)
    }

    /// The admin API's word of an account.
    private static func account(_ fixture: AdminFixture, _ name: String = "main") async throws -> JSONValue {
        let report = try #require(await fixture.admin("GET", "/admin/fallback").json)
        return try #require(report["accounts"]?.array?.first { $0["upstream"] == "openai" && $0["account"]?.string == name })
    }

    @Test("An account's windows are told with what is left, until when, from where, and how old that is")
    func windows() async throws {
        let fixture = AdminFixture()
        fixture.accounts.quota.record(
            Self.main,
            [
                Self.window(.all, "5h", share: 0.25, resetsIn: 3600),
                Self.window(.model("gpt-4o"), "requests", share: 0.5, limit: 100, remaining: 50),
            ], now: Self.now)
        let account = try await Self.account(fixture)
        #expect(account["state"] == "ready")
        #expect(
            account["windows"]?.text == """
                [{"models":["*"],"kind":"5h","limit":null,"remaining":null,"share":0.25,"resets_at":"2026-02-11T15:03:20+08:00",\
                "source":"headers","age_s":5,"runs_out_at":null},\
                {"models":["gpt-4o"],"kind":"requests","limit":100,"remaining":50,"share":0.5,"resets_at":null,\
                "source":"headers","age_s":5,"runs_out_at":null}]
                """)
    }

    @Test("An instant is told by the second that is nearest, whenever the clocks are read")
    func instants() {
        for late in [-4, 0, 3] {
            let live = LiveAccounts(
                states: AccountStates(), now: Date(timeIntervalSince1970: 1_800_000_000.4), steady: 400 + late)
            #expect(live.wallSeconds(60_000) == 1_800_000_060)
        }
    }

    @Test("Money is told in dollars")
    func money() async throws {
        let fixture = AdminFixture()
        fixture.accounts.quota.record(
            Self.main, [Self.window(.all, "cost", share: 0.3, limit: 5_000_000_000, remaining: 1_500_000_000)], now: Self.now)
        let account = try await Self.account(fixture)
        let window = try #require(account["windows"]?.array?.first)
        #expect(window["limit"]?.double == 5)
        #expect(window["remaining"]?.double == 1.5)
    }

    @Test("After its reset a window is full, by reckoning")
    func afterReset() async throws {
        let fixture = AdminFixture()
        fixture.accounts.quota.record(
            Self.main, [Self.window(.all, "5h", share: 0, resetsIn: -1)], now: Self.now - 10_000)
        let account = try await Self.account(fixture)
        #expect(account["state"] == "ready")
        let window = try #require(account["windows"]?.array?.first)
        #expect(window["share"]?.double == 1)
        #expect(window["source"] == "reset")
        #expect(window["resets_at"]?.isNull == true)
    }

    @Test("A window that is used up is why an account is out of quota, until its reset")
    func outOfQuota() async throws {
        let fixture = AdminFixture()
        fixture.accounts.quota.record(
            Self.main,
            [Self.window(.all, "5h", share: 0, resetsIn: 60), Self.window(.all, "7d", share: 0, resetsIn: 86_400)],
            now: Self.now)
        let account = try await Self.account(fixture)
        #expect(account["state"] == "out_of_quota")
        #expect(account["reason"] == "its window 7d is used up")
        #expect(account["until"] == "2026-02-12T14:03:20+08:00")
    }

    @Test("A window that is used up and names no reset is told until when that is believed")
    func undated() async throws {
        let fixture = AdminFixture()
        var window = Self.window(.model("gpt-4o"), "requests", share: 0)
        window.goodUntil = Self.now + 60_000
        fixture.accounts.quota.record(Self.main, [window], now: Self.now)
        let account = try await Self.account(fixture)
        #expect(account["state"] == "out_of_quota")
        #expect(account["until"] == "2026-02-11T14:04:20+08:00")
    }

    @Test("A family's window that is used up takes out the models that were seen refused, and without any nobody")
    func family() async throws {
        let fixture = AdminFixture()
        fixture.accounts.quota.record(
            Self.main, [Self.window(.family("opus", refused: []), "7d:opus", share: 0, resetsIn: 60)], now: Self.now)
        #expect(try await Self.account(fixture)["state"] == "ready")
        #expect(try await Self.account(fixture)["windows"]?.array?.first?["models"]?.array?.isEmpty == true)
        fixture.accounts.quota.record(
            Self.main, [Self.window(.family("opus", refused: ["opus-4"]), "7d:opus", share: 0, resetsIn: 60)], now: Self.now)
        let account = try await Self.account(fixture)
        #expect(account["state"] == "out_of_quota")
        #expect(account["reason"] == "its window 7d:opus of opus-4 is used up")
    }

    @Test("What an operator, a vendor or failures hold against an account says more than its windows")
    func standings() async throws {
        let fixture = AdminFixture()
        fixture.accounts.quota.record(Self.main, [Self.window(.all, "5h", share: 0, resetsIn: 60)], now: Self.now)
        fixture.accounts.refuse(Self.main, AccountState.Refusal(until: Self.now + 300_000, message: "no"), now: Self.now)
        #expect(try await Self.account(fixture)["state"] == "refused")
        fixture.accounts.drain(Self.main)
        #expect(try await Self.account(fixture)["state"] == "drained")
        #expect(try await Self.account(fixture)["until"]?.isNull == true)
    }

    @Test("Draining takes an account's requests away, and is told; freeing ends it")
    func drain() async throws {
        let fixture = AdminFixture()
        let answer = await fixture.admin("POST", "/admin/accounts/openai/main/drain")
        #expect(answer.json?.text == #"{"status":"drained","upstream":"openai","account":"main"}"#)
        #expect(try await Self.account(fixture)["state"] == "drained")
        #expect(await fixture.admin("POST", "/admin/accounts/openai/nobody/drain").status == 404)
        #expect(await fixture.admin("GET", "/admin/accounts/openai/main/drain").status == 405)
        _ = await fixture.admin("POST", "/admin/accounts/openai/main/free")
        #expect(try await Self.account(fixture)["state"] == "ready")
    }

    @Test("However many windows there are, the answer stays small, and the tightest are told")
    func many() async throws {
        let fixture = AdminFixture()
        let windows = (0..<900).map { number in
            Self.window(
                .model("made-up-\(number)-" + String(repeating: "x", count: 200)), "requests",
                share: Double(number % 100) / 100 + 0.001)
        }
        fixture.accounts.quota.record(Self.main, windows, now: Self.now)
        let response = await fixture.admin("GET", "/admin/fallback")
        #expect(response.body.count < 96 << 10)
        let account = try await Self.account(fixture)
        #expect(account["windows"]?.array?.count == 50)
        #expect(account["more_windows"]?.int == 850)
        #expect(account["windows"]?.array?.allSatisfy { ($0["share"]?.double ?? 1) < 0.1 } == true)
    }

    @Test("A target is available as long as one account may serve and has enough left of the model")
    func available() async throws {
        let fixture = AdminFixture()
        func target() async throws -> JSONValue {
            let report = try #require(await fixture.admin("GET", "/admin/fallback").json)
            let rule = try #require(report["rules"]?.array?.first { $0["name"] == "gpt" })
            return try #require(rule["tiers"]?.array?.first?["targets"]?.array?.first)
        }
        fixture.accounts.quota.record(
            Self.main, [Self.window(.model("gpt-4o"), "tokens", share: 0.01, resetsIn: 60)], now: Self.now)
        #expect(try await target()["available"] == true)
        fixture.accounts.drain(Self.spare)
        let low = try await target()
        #expect(low["available"] == false)
        #expect(low["obstacle"] == "under its threshold")
        #expect(low["accounts"]?.array?.first?["reason"] == "1% left, under the threshold of 5%")
        fixture.accounts.drain(Self.main)
        #expect(try await target()["obstacle"] == "every account is drained")
        fixture.accounts.free(Self.spare)
        #expect(try await target()["available"] == true)
        fixture.accounts.quota.record(Self.spare, [Self.window(.all, "5h", share: 0, resetsIn: 60)], now: Self.now)
        fixture.accounts.quota.record(
            Self.spare, [Self.window(.model("other"), "requests", share: 0, resetsIn: 600)], now: Self.now)
        let empty = try await target()
        #expect(empty["obstacle"] == "every account is drained or out of quota")
        #expect(empty["accounts"]?.array?.last?["reason"] == "its window 5h is used up")
        #expect(empty["accounts"]?.array?.last?["until"] == "2026-02-11T14:04:20+08:00")
    }

    @Test("Without fallback a tier is available whatever is known of it, but not when an operator has taken its accounts out")
    func withoutFallback() async throws {
        var changed = AdminFixture()
        changed.configuration.fallback.enabled = false
        let fixture = changed
        func target() async throws -> JSONValue {
            let report = try #require(await fixture.admin("GET", "/admin/fallback").json)
            let rule = try #require(report["rules"]?.array?.first { $0["name"] == "gpt" })
            return try #require(rule["tiers"]?.array?.first?["targets"]?.array?.first)
        }
        for account in [Self.main, Self.spare] {
            fixture.accounts.cool(
                account, model: "gpt-4o", until: Self.now + 60_000, reason: .response(.status(429)), now: Self.now)
        }
        let resting = try await target()
        #expect(resting["available"] == true)
        #expect(resting["obstacle"]?.isNull == true)
        #expect(resting["accounts"]?.array?.first?["state"] == "cooling")
        fixture.accounts.drain(Self.main)
        fixture.accounts.drain(Self.spare)
        #expect(try await target()["obstacle"] == "every account is drained")
    }

    @Test("A rule that names no models has all that something is known of in a tier that keeps the name")
    func everyModel() async throws {
        var fixture = AdminFixture()
        fixture.rules = RuleSet([
            Rule(
                name: "all", models: [], condition: nil,
                action: .route([Tier(text: "openai", targets: [Tier.Target(upstream: "openai", model: nil)])]))
        ])
        fixture.accounts.quota.record(
            Self.main, [Self.window(.model("gpt-4o"), "tokens", share: 0.5, resetsIn: 60)], now: Self.now)
        let report = try #require(await fixture.admin("GET", "/admin/fallback").json)
        let models = try #require(report["tiers"]?.array?.first?["models"]?.array)
        #expect(models.map { $0["model"]?.string } == ["gpt-4o"])
        #expect(models.first?["available"] == true)
    }

    @Test("An explanation tells which account is asked first, and why another one is not")
    func chosen() async throws {
        let fixture = AdminFixture()
        func accounts() async throws -> [JSONValue] {
            let answer = await fixture.admin("POST", "/admin/explain", #"{"model":"gpt-4o"}"#)
            return try #require(answer.json?["tiers"]?.array?.first?["targets"]?.array?.first?["accounts"]?.array)
        }
        #expect(try await accounts().map { $0["chosen"]?.bool } == [true, false])
        fixture.accounts.cool(
            Self.main, model: "gpt-4o", until: Self.now + 60_000, reason: .response(.status(429)), now: Self.now)
        let told = try await accounts()
        #expect(told.map { $0["chosen"]?.bool } == [false, true])
        #expect(told.first?["state"] == "cooling")
        #expect(told.first?["reason"] == "429")
        #expect(told.last?["because"] == "first: the first of the file that can serve")
    }

    @Test("An explanation says by what word of a tier one of equals is asked first, and then which of its accounts")
    func amongEquals() async throws {
        var fixture = AdminFixture()
        fixture.rules = RuleSet([
            Rule(
                name: "all", models: [], condition: nil,
                action: .route([
                    Tier(
                        text: "any",
                        targets: ["antigravity", "openai"].map { Tier.Target(upstream: $0, model: nil) }, choice: .mostQuota)
                ]))
        ])
        for (id, share) in [(AccountID(upstream: "antigravity", account: "default"), 0.25), (Self.main, 0.5), (Self.spare, 0.5)] {
            fixture.accounts.quota.record(id, [Self.window(.all, "5h", share: share, resetsIn: 60)], now: Self.now)
        }
        let answer = await fixture.admin("POST", "/admin/explain", #"{"model":"gpt-4o"}"#)
        let targets = try #require(answer.json?["tiers"]?.array?.first?["targets"]?.array)
        let accounts = targets.flatMap { $0["accounts"]?.array ?? [] }
        #expect(
            accounts.filter { $0["chosen"]?.bool == true }.map { $0["because"]?.string } == [
                "among equals most_quota: 50% left, the largest share; first: the first of the file that can serve"
            ])
    }

    @Test("An explanation knows who served a session before")
    func affinity() async throws {
        let fixture = AdminFixture()
        fixture.accounts.affinity.bind(
            AffinityKeys.mark(ofSession: "s", key: "key_9", model: "gpt-4o"), to: Self.spare.mark, before: nil, now: Self.now)
        for (session, account, words) in [
            ("s", "spare", "affinity: it served before"), ("t", "main", "first: the first of the file that can serve"),
        ] {
            let answer = await fixture.admin(
                "POST", "/admin/explain", #"{"model":"gpt-4o","session":"\#(session)","key":{"id":"key_9"}}"#)
            let target = try #require(answer.json?["tiers"]?.array?.first?["targets"]?.array?.first)
            let chosen = try #require(target["accounts"]?.array?.first { $0["chosen"]?.bool == true })
            #expect(chosen["account"]?.string == account)
            #expect(chosen["because"]?.string == words)
        }
    }

    @Test("Where nobody can serve, an explanation says so of who is asked all the same, and for whom a request waits")
    func lastResort() async throws {
        var fixture = AdminFixture()
        for (id, seconds) in [(Self.main, 60), (Self.spare, 10)] {
            fixture.accounts.cool(
                id, model: "gpt-4o", until: Self.now + seconds * 1000, reason: .response(.status(429)), now: Self.now)
        }
        let answer = await fixture.admin("POST", "/admin/explain", #"{"model":"gpt-4o"}"#)
        let target = try #require(answer.json?["tiers"]?.array?.first?["targets"]?.array?.first)
        let chosen = try #require(target["accounts"]?.array?.first { $0["chosen"]?.bool == true })
        #expect(chosen["account"] == "spare")
        #expect(chosen["because"] == "nobody can serve: who has most left, or is back soonest")
        #expect(answer.json?["waits_for"]?.isNull == true)
        fixture.configuration.fallback.wait = .seconds(20)
        let waiting = await fixture.admin("POST", "/admin/explain", #"{"model":"gpt-4o"}"#)
        #expect(
            waiting.json?["waits_for"]?.text
                == #"{"upstream":"openai","account":"spare","model":"gpt-4o","until":"2026-02-11T14:03:30+08:00"}"#)
        #expect(waiting.json?["attempts"]?.array?.isEmpty == true)
    }

    @Test(
        "An explanation says by what word of `choose` an account is asked first",
        arguments: [
            (Tier.Choice.mostQuota, "spare", "most_quota: 75% left, the largest share"),
            (.soonestReset, "main", "soonest_reset: its quota expires first, at 2026-02-11T15:03:20+08:00"),
            (.first, "main", "first: the first of the file that can serve"),
            (.cheapest, "main", "cheapest: the lowest price of what the request will probably use"),
        ])
    func because(choice: Tier.Choice, account: String, words: String) async throws {
        var fixture = AdminFixture()
        fixture.configuration.upstreams[1].choice = choice
        for (id, share, seconds) in [(Self.main, 0.5, 3600), (Self.spare, 0.75, 7200)] {
            fixture.accounts.quota.record(id, [Self.window(.all, "5h", share: share, resetsIn: seconds)], now: Self.now)
        }
        let answer = await fixture.admin("POST", "/admin/explain", #"{"model":"gpt-4o"}"#)
        let target = try #require(answer.json?["tiers"]?.array?.first?["targets"]?.array?.first)
        let chosen = try #require(target["accounts"]?.array?.first { $0["chosen"]?.bool == true })
        #expect(chosen["account"]?.string == account)
        #expect(chosen["because"]?.string == words)
    }
}
