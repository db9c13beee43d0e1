/// A response that a client may go on from by its id alone: the conversation up to it and its own items.
public struct RememberedResponse: Sendable, Hashable {
    public let id: String
    /// The items' JSON, comma between them.
    let items: [UInt8]
}

/// Keeps responses for `previous_response_id`, as `BoundedMemory` does.
public struct ResponseMemory: Sendable {
    private var memory: BoundedMemory<[UInt8]>

    /// - Parameters:
    ///   - maxBytes: of all entries; one that takes more than a quarter is not kept.
    ///   - lifetime: in seconds.
    public init(maxEntries: Int = 10_000, maxBytes: Int = 64 << 20, lifetime: Int = 86_400) {
        memory = BoundedMemory(maxEntries: maxEntries, maxBytes: maxBytes, lifetime: lifetime)
    }

    public var count: Int { memory.count }

    /// - Parameters:
    ///   - scope: whose it is: nobody else gets it back.
    ///   - now: seconds since 1970.
    public mutating func keep(_ response: RememberedResponse, scope: String, now: Int) {
        memory.keep(response.items, size: response.items.count &+ 192, id: response.id, scope: scope, now: now)
    }

    /// The items of the conversation up to a response and with it; nil when it is not known (any more).
    public mutating func recall(_ id: String, scope: String, now: Int) -> [UInt8]? {
        memory.recall(id, scope: scope, now: now)
    }
}
