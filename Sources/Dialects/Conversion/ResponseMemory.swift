/// A response that a client may go on from by its id alone: the conversation up to it and its own items.
public struct RememberedResponse: Sendable, Hashable {
    public let id: String
    /// The items' JSON, comma between them.
    let items: [UInt8]
}

/// Keeps responses for `previous_response_id`, within bounds of number, size and age, and for whoever asked for them alone.
///
/// Two generations, as `ThoughtCache` has them.
public struct ResponseMemory: Sendable {
    private struct Entry: Sendable {
        var items: [UInt8]
        var expires: Int

        var size: Int { items.count &+ 192 }
    }

    private let maxEntries: Int
    private let maxBytes: Int
    private let lifetime: Int
    private var young: [String: Entry] = [:]
    private var old: [String: Entry] = [:]
    private var youngBytes = 0

    /// - Parameters:
    ///   - maxBytes: of all entries; one that takes more than a quarter is not kept.
    ///   - lifetime: in seconds.
    public init(maxEntries: Int = 10_000, maxBytes: Int = 64 << 20, lifetime: Int = 86_400) {
        self.maxEntries = Swift.max(2, maxEntries)
        self.maxBytes = Swift.max(4, maxBytes)
        self.lifetime = Swift.max(0, lifetime)
    }

    public var count: Int { young.count + old.count }

    /// - Parameters:
    ///   - scope: whose it is: nobody else gets it back.
    ///   - now: seconds since 1970.
    public mutating func keep(_ response: RememberedResponse, scope: String, now: Int) {
        let entry = Entry(items: response.items, expires: now &+ lifetime)
        guard entry.size <= maxBytes / 4 else { return }
        put(Self.key(response.id, scope), entry)
    }

    /// The items of the conversation up to a response and with it; nil when it is not known (any more).
    public mutating func recall(_ id: String, scope: String, now: Int) -> [UInt8]? {
        let key = Self.key(id, scope)
        if let entry = young[key] { return entry.expires > now ? entry.items : nil }
        guard let entry = old.removeValue(forKey: key), entry.expires > now else { return nil }
        put(key, entry)
        return entry.items
    }

    private mutating func put(_ key: String, _ entry: Entry) {
        old[key] = nil
        if young.count >= maxEntries / 2 || youngBytes &+ entry.size > maxBytes / 2 {
            old = young
            young = [:]
            youngBytes = 0
        }
        if let before = young.updateValue(entry, forKey: key) { youngBytes &-= before.size }
        youngBytes &+= entry.size
    }

    private static func key(_ id: String, _ scope: String) -> String { scope + "\n" + id }
}
