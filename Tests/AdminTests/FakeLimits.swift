import Admin
import ProxyCore

/// Limits that live in memory alone, at the fixture's moment.
struct FakeLimits: LimitAdministration {
    let table = LimitTable(timeZone: Zone("Asia/Singapore") ?? .utc)
    static let now = LimitTime(wall: AdminFixture.now * 1_000, steady: 1_000)

    /// What another node has used of a bucket is counted with this.
    var onRefresh: @Sendable ([UsageLimit], [String]) -> Void = { _, _ in }

    /// What storing a change throws.
    var failure: (any Error)?

    func refresh(_ limits: [UsageLimit], buckets: [String]) async { onRefresh(limits, buckets) }

    func figures(_ limits: [UsageLimit], bucket: String?, listsUntouched: Bool) -> [LimitFigure] {
        table.figures(limits, bucket: bucket, listsUntouched: listsUntouched, now: Self.now)
    }

    func figures(
        _ limits: [UsageLimit], count: Int, after last: LimitCharge?
    ) -> (figures: [LimitFigure], next: LimitCharge?) {
        table.figures(limits, count: count, after: last, now: Self.now)
    }

    var look: LimitLook { LimitLook(table, now: Self.now) }

    func reset(_ limit: UsageLimit, bucket: String, kind: LimitRate.Kind?, window: LimitRate.Window?) async throws {
        table.reset(limit: limit.id, bucket: bucket, kind: kind, window: window)
        if let failure { throw failure }
    }

    func block(_ limit: UsageLimit, bucket: String, until: Int, as title: String) async throws {
        table.block(LimitUse(limit, bucket: bucket), until: until, as: title)
        if let failure { throw failure }
    }
}
