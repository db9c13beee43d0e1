/// The part of a store that keeps the records themselves.
protocol RequestStore: Sendable {
    func requests(_ filter: RequestFilter) throws -> RequestPage
    /// Deletes up to `limit` blocks of requests that all ended before; whether there may be more. Milliseconds since 1970.
    func deleteRequests(before: Int, limit: Int) throws -> Bool
}
