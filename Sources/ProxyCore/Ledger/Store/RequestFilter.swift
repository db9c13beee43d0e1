/// Which requests are listed, the newest first.
public struct RequestFilter: Sendable, Hashable {
    /// Any of them.
    public var keyIDs: Set<String>?
    public var model: String?
    public var session: String?
    public var status: ClosedRange<Int>?
    /// Milliseconds since 1970, both included.
    public var since: Int?
    public var until: Int?
    /// Older than the one that a page ended with.
    public var before: RequestCursor?
    public var limit = 100
    /// Records that one call looks at, about: nothing is booked meanwhile. A page that comes to more ends before it is full.
    var mostWork = 50_000

    public init() {}
}

/// A filter as records are compared with it: many, one after the other.
struct RequestPattern {
    let filter: RequestFilter
    /// What a block must hold.
    let masks: RequestBlock.Masks
    private let model: [UInt8]?
    private let session: [UInt8]?
    private let keyIDs: [[UInt8]]?

    init(_ filter: RequestFilter) {
        self.filter = filter
        model = filter.model.map { Array($0.utf8) }
        session = filter.session.map { Array($0.utf8) }
        keyIDs = filter.keyIDs.map { ids in ids.map { Array($0.utf8) } }
        let key = filter.keyIDs.flatMap { $0.count == 1 ? $0.first : nil }
        masks = RequestBlock.Masks(
            keys: key.map { RequestBlock.Masks.mask($0) } ?? 0, models: filter.model.map { RequestBlock.Masks.mask($0) } ?? 0,
            sessions: filter.session.map { RequestBlock.Masks.mask($0) } ?? 0)
    }

    func matches(_ record: EncodedUsage) -> Bool {
        if let since = filter.since, record.endMilliseconds < since { return false }
        if let until = filter.until, record.endMilliseconds > until { return false }
        if let status = filter.status, !status.contains(record.course.status) { return false }
        if let model, !record.model.hasSameBytes(as: model) { return false }
        if let session, !record.question.session.hasSameBytes(as: session) { return false }
        if let keyIDs, !keyIDs.contains(where: { record.keyID.hasSameBytes(as: $0) }) { return false }
        return true
    }
}

/// Where a page of requests ended.
public struct RequestCursor: Sendable, Hashable, CustomStringConvertible {
    let block: Int
    let index: Int

    init(block: Int, index: Int) {
        (self.block, self.index) = (block, index)
    }

    /// nil for what is none.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let block = Int(parts[0]), let index = Int(parts[1]), block >= 0, index >= 0 else { return nil }
        self.init(block: block, index: index)
    }

    /// `1859999999999999-12`.
    public var description: String { "\(block)-\(index)" }
}

/// Some requests, the newest first. One that would take long to find ends before it is full.
public struct RequestPage: Sendable, Hashable {
    public var records: [UsageRecord] = []
    /// Where to go on; nil when there are no older ones.
    public var next: RequestCursor?

    public init() {}
}
