/// The limits as an operator sees and changes them, at once for the requests to come.
public struct LimitBook: Sendable {
    private let table: LimitTable

    public init(_ ledger: UsageLedger) {
        table = ledger.limits
    }

    public func figures(_ limits: [UsageLimit], bucket: String?, listsUntouched: Bool) -> [LimitFigure] {
        table.figures(limits, bucket: bucket, listsUntouched: listsUntouched, now: LoopContext.wallClock())
    }

    public func reset(_ limit: UsageLimit, bucket: String, kind: LimitRate.Kind?) async throws {
        table.reset(limit: limit.id, bucket: bucket, kind: kind)
    }

    public func block(_ limit: UsageLimit, bucket: String, until: Int, as title: String) async throws {
        table.block(LimitUse(limit, bucket: bucket), until: until, as: title)
    }
}
