import Dialects
import Foundation
import Logging
import RuleEngine
import Synchronization
import Testing

@testable import Admin
@testable import ProxyCore

/// What is seen of the states that others publish.
@Suite struct AlertWatchTests {
    /// A watch on fakes, whose time is told.
    private struct Stage {
        let fixture: AdminFixture
        let watch: AlertWatch
        let seconds: Seconds

        init(_ change: (inout AdminFixture) -> Void = { _ in }) {
            var fixture = AdminFixture()
            fixture.configuration.alerts.webhook = Secret("http://127.0.0.1:1/hook")
            change(&fixture)
            let seconds = Seconds()
            self.fixture = fixture
            self.seconds = seconds
            watch = AlertWatch(
                snapshots: fixture.store(), keys: fixture.keys, limits: fixture.limits, accounts: fixture.accounts,
                reload: fixture.reload, usage: fixture.usage, caller: fixture.caller,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
                clock: PollClock(
                    now: { .now }, sleep: { _ in }, steady: { seconds.now * 1_000 }, wall: { seconds.now * 1_000 }))
        }

        /// The alerts that hold so many seconds later.
        func alerts(after more: Int = 0) -> [String] {
            seconds.pass(more)
            watch.look()
            return watch.active.map { "\($0.alert.kind.rawValue) \($0.alert.severity.rawValue): \($0.alert.text)" }
        }
    }

    private final class Seconds: Sendable {
        private let value = Mutex(AdminFixture.now)
        var now: Int { value.withLock { $0 } }
        func pass(_ more: Int) { value.withLock { $0 += more } }
    }

    @Test func nothingIsWrongWithWhatRunsWell() {
        #expect(Stage().alerts().isEmpty)
    }

    @Test func anOnlyAccountThatIsRefusedIsOutUntilItServesWhichIsToldOnce() {
        let stage = Stage()
        let id = AccountID(upstream: "antigravity", account: "default")
        let now = AdminFixture.now * 1_000
        stage.fixture.accounts.refuse(
            id, AccountState.Refusal(until: now + 1_000, status: 401, message: "no such key"), now: now)
        let out = ["account_out warning: the account 'default' of 'antigravity' is refused: no such key"]
        #expect(stage.alerts() == out)
        // It is asked again by a probe; until it has served it is out.
        #expect(stage.alerts(after: 3_600) == out)
        stage.fixture.accounts.succeed(id, model: "m")
        #expect(stage.alerts(after: 1).isEmpty)
    }

    @Test func anUpstreamWhereNobodyIsIsDeadFromTheFirstFailureOnUntilAConnectionComesAbout() throws {
        let stage = Stage()
        let troubles = UpstreamTroubles(publishing: stage.fixture.accounts.states)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        troubles.note(.unreachable(.other), at: "elsewhere:1", of: "", logger)
        #expect(stage.alerts().isEmpty)
        troubles.note(.connectTimeout, at: "localhost:8080", of: "antigravity", logger)
        let dead = [
            "upstream_dead critical: the upstream 'antigravity' can serve nothing: it cannot be connected to (localhost:8080): "
                + UpstreamFailure.connectTimeout.message
        ]
        #expect(stage.alerts() == dead)
        #expect(stage.alerts(after: 3_600) == dead)
        troubles.ended(at: "localhost:8080", of: "antigravity", logger)
        #expect(stage.alerts(after: 1).isEmpty)
        // One that serves is not dead because one connection more did not come about.
        let load = stage.fixture.accounts.load(of: AccountID(upstream: "antigravity", account: "default"))
        load.cell(of: stage.watch).succeed(firstByte: 1, now: 1)
        troubles.note(.connectTimeout, at: "localhost:8080", of: "antigravity", logger)
        #expect(stage.alerts(after: 1).isEmpty)
    }

    @Test func whatIsNotInTheFileIsToldToBeGone() {
        let stage = Stage()
        let live = LiveAccounts(
            states: stage.fixture.accounts.states.current, now: Date(timeIntervalSince1970: Double(AdminFixture.now)), steady: 0)
        let conditions = AlertConditions(
            snapshot: stage.fixture.store().current, accounts: live, reload: stage.fixture.reload.status.current,
            storage: stage.fixture.usage.health, zone: ZonedTime(zone: .utc), now: AdminFixture.now)
        func told(_ kind: Alert.Kind, _ subject: String...) -> String? {
            conditions.departure(of: Alert.ID(kind: kind, subject: subject))
        }
        #expect(told(.accountOut, "antigravity", "default") == nil)
        #expect(told(.accountOut, "antigravity", "x") == "the account 'x' of 'antigravity' is no longer in the file")
        #expect(told(.quotaRunsOut, "x", "main", "5h") == "the upstream 'x' is no longer in the file")
        #expect(told(.upstreamDead, "antigravity") == nil)
        #expect(told(.upstreamDead, "x") == "the upstream 'x' is no longer in the file")
        #expect(told(.budget, "x.budget_per_day", "key_a") == "the budget 'x.budget_per_day' is no longer in the file")
        #expect(told(.certificateEnds, "1.2.3.4:5") == "the listener 1.2.3.4:5 is no longer in the file")
        #expect(told(.storageFailing) == nil)
    }

    @Test func whatAnOperatorDrainsIsNoAlert() {
        let stage = Stage()
        stage.fixture.accounts.drain(AccountID(upstream: "openai", account: "main"))
        #expect(stage.alerts().isEmpty)
    }

    @Test func aRefusedFileIsAnAlertUntilOneIsApplied() {
        let place = SourceLocation(file: "/etc/proxyd/proxy.yaml", line: 4, column: 2)
        let error = Diagnostic(.error, at: place, path: "rules[0]", message: "bad")
        let stage = Stage { $0.reload = FakeReload(errors: [error]) }
        let alerts = stage.alerts()
        #expect(alerts.count == 1)
        #expect(
            alerts.first?.hasPrefix(
                "configuration_refused warning: the changed configuration is refused, and generation 3 goes on: proxy.yaml:4:2")
                == true)
        #expect(alerts.first?.contains("/etc") == false)
    }

    @Test func budgetsAreToldAtEachShare() throws {
        var policy = KeyPolicy(name: "default")
        policy.numbers = LimitNumbers(rates: [LimitRate(.cost, per: .month, most: 10_000_000_000)])
        let stage = Stage { $0.configuration.policies["default"] = policy }
        let limit = UsageLimit(.policy, name: "default", rates: policy.numbers.rates, noun: "key")
        let table = stage.fixture.limits.table
        func spend(_ dollars: Int) throws {
            let amount = LimitAmounts(requests: 1, nanoDollars: dollars * 1_000_000_000)
            let held = try table.reserve([LimitUse(limit, bucket: "key_alice")], { _ in amount }, now: FakeLimits.now)
            table.settle(held, used: amount, now: FakeLimits.now)
        }
        try spend(7)
        #expect(stage.alerts().isEmpty)
        try spend(1)
        let first = "budget warning: the budget 'default.budget_per_month' (key alice) is spent to 80%: 8 of 10 USD"
        #expect(stage.alerts(after: 1) == [first])
        // Refused for what is missing: no cent more is spent.
        #expect(throws: LimitRefusals.self) { try spend(3) }
        #expect(
            stage.alerts(after: 1).first
                == "budget critical: the budget 'default.budget_per_month' (key alice) is spent to 100%: 8 of 10 USD, and "
                + "requests are refused for it")
        table.reset(limit: limit.id, bucket: "key_alice", kind: nil)
        #expect(stage.alerts(after: 1).isEmpty)
    }

    @Test func aQuotaThatRunsOutBeforeItsResetIsAnAlert() {
        let stage = Stage()
        let now = AdminFixture.now * 1_000
        let id = AccountID(upstream: "openai", account: "main")
        func tell(_ share: Double, resetsIn seconds: Int, at time: Int) {
            let window = QuotaWindow(
                .all, kind: "5h", share: share, resetsAt: time + seconds * 1_000, source: .headers, takenAt: time)
            stage.fixture.accounts.states.update { states in
                var windows = AccountWindows()
                _ = windows.take([window], now: time)
                states.windows[id] = windows
            }
        }
        // Three hours have used four fifths.
        tell(0.2, resetsIn: 7_200, at: now)
        let alerts = stage.alerts()
        #expect(alerts.count == 1)
        #expect(
            alerts.first?.hasPrefix("quota_runs_out warning: the quota '5h' of the account 'main' of 'openai' runs out at ")
                == true)
        // It is full again.
        tell(1, resetsIn: 5 * 3_600, at: now + 10_000)
        for _ in 0..<4 { _ = stage.alerts(after: 1) }
        #expect(stage.alerts(after: 6).isEmpty)
    }

    @Test func aWindowThatIsUsedUpIsToldOfItsAccountAlone() {
        let stage = Stage()
        let now = AdminFixture.now * 1_000
        let id = AccountID(upstream: "openai", account: "main")
        func tell(_ share: Double, at time: Int) {
            let window = QuotaWindow(
                .all, kind: "5h", share: share, resetsAt: now + 7_200_000, source: .headers, takenAt: time)
            stage.fixture.accounts.states.update { states in
                var windows = AccountWindows()
                _ = windows.take([window], now: time)
                states.windows[id] = windows
            }
        }
        tell(0, at: now)
        for _ in 0..<6 {
            #expect(
                stage.alerts(after: 1) == [
                    "account_out warning: the account 'main' of 'openai' is out of quota: its window 5h is used up"
                ])
        }
    }

    @Test func whatFailsBecauseNobodyIsThereIsTheUpstreamsAlertAlone() {
        let stage = Stage()
        let id = AccountID(upstream: "antigravity", account: "default")
        let troubles = UpstreamTroubles(publishing: stage.fixture.accounts.states)
        troubles.note(
            .unreachable(.refused), at: "localhost:8080", of: "antigravity",
            Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let now = AdminFixture.now * 1_000
        let failure = AccountFailure(reason: .failure(.unreachable(.refused)), model: "m", modelStatus: .known)
        for _ in 0..<20 { stage.fixture.accounts.fail(id, failure, now: now) }
        let alerts = stage.alerts()
        #expect(alerts.count == 1 && alerts.first?.hasPrefix("upstream_dead critical") == true)
    }

    @Test func storageThatFailsIsCritical() {
        let stage = Stage { $0.usage.health = .failing("no space left") }
        #expect(stage.alerts() == ["storage_failing critical: usage cannot be written: no space left"])
    }

    @Test func whatHoldsIsListedForViewers() async throws {
        let stage = Stage { $0.usage.health = .degraded("disk") }
        _ = stage.alerts()
        let answer = await stage.fixture.service(alerts: stage.watch).respond(
            to: .to("GET", "/admin/alerts", headers: [("x-api-key", AdminFixture.adminKey)]))
        let shape =
            #"{"alerts":[{"alert":"storage_failing","severity":"warning","#
            + #""text":"usage is written, and not safe yet: disk","since":"2026-02-11T14:03:20+08:00","#
            + #""labels":{"state":"degraded"}}],"webhook":true,"dropped":0}"#
        #expect(answer.text == shape)
        let none = await stage.fixture.admin("GET", "/admin/alerts")
        #expect(none.text == #"{"alerts":[],"webhook":true,"dropped":0}"#)
    }

    @Test func whatBeginsIsPostedToTheWebhookAndNothingWithoutOne() async throws {
        let (bodies, told) = AsyncStream.makeStream(of: OutgoingRequest.self)
        let stage = Stage {
            $0.usage.health = .failing("disk")
            $0.configuration.alerts.webhook = Secret("http://127.0.0.1:1/hook?token=x")
            $0.caller = FakeCaller { request in
                told.yield(request)
                return OutgoingResponse(status: 200)
            }
        }
        let outbox = stage.watch.outbox
        let sending = Task { await outbox.run() }
        _ = stage.alerts()
        var arrivals = bodies.makeAsyncIterator()
        let request = try #require(await arrivals.next())
        #expect(request.method == "POST" && request.target == "/hook?token=x")
        let body = try JSONValue(parsing: request.body)
        #expect(body["alert"] == "storage_failing" && body["severity"] == "critical")
        sending.cancel()
        await sending.value
        let silent = Stage {
            $0.usage.health = .failing("disk")
            $0.configuration.alerts.webhook = nil
        }
        #expect(silent.alerts().count == 1)
        #expect(!silent.watch.outbox.isOpen && silent.watch.outbox.dropped == 0)
    }
}
