/// The part of a store that keeps the records themselves.
protocol RequestStore: Sendable {
    func requests(_ filter: RequestFilter) throws -> RequestPage
    /// Shows requests for a while, and says where to go on: nil when that were all. `before` and what is said are between blocks.
    func forEachRequest(_ filter: RequestFilter, _ body: (EncodedUsage) -> Void) throws -> RequestCursor?
    /// Shows the latest requests that are kept, up to `most`, in the order in which they were booked. A record's bytes are good
    /// until `body` returns.
    func forEachRequest(ofLatest most: Int, _ body: (EncodedUsage) -> Void) throws
    /// When the newest request ended that is kept, or that a limit counts; milliseconds since 1970.
    func newestRequest() throws -> Int?
    /// Deletes up to `limit` blocks of requests that all ended before; whether there may be more. Milliseconds since 1970.
    func deleteRequests(before: Int, limit: Int) throws -> Bool
}
