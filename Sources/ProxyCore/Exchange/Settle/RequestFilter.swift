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

    public init() {}

    func matches(_ record: EncodedUsage) -> Bool {
        if let since, record.endMilliseconds < since { return false }
        if let until, record.endMilliseconds > until { return false }
        if let status, !status.contains(record.course.status) { return false }
        if let model, !record.model.hasSameBytes(as: Array(model.utf8)) { return false }
        if let session, !record.question.session.hasSameBytes(as: Array(session.utf8)) { return false }
        if let keyIDs, !keyIDs.contains(EncodedUsage.text(record.keyID)) { return false }
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

/// Some requests, the newest first.
public struct RequestPage: Sendable, Hashable {
    public var records: [UsageRecord] = []
    /// Where to go on; nil when there are no older ones.
    public var next: RequestCursor?

    public init() {}
}
