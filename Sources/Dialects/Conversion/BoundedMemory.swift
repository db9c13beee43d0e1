/// Keeps values by id, within bounds of number, size and age, and for whoever put them there alone.
///
/// Two generations: what is asked for or new is young; when the young ones are half of what may be, they become old and the old
/// ones go. So nothing has to be searched for what was used last.
struct BoundedMemory<Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        var value: Value
        var size: Int
        var expires: Int
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
    init(maxEntries: Int, maxBytes: Int, lifetime: Int) {
        self.maxEntries = Swift.max(2, maxEntries)
        self.maxBytes = Swift.max(4, maxBytes)
        self.lifetime = Swift.max(0, lifetime)
    }

    var count: Int { young.count + old.count }

    /// - Parameters:
    ///   - size: about how many bytes it takes.
    ///   - scope: whose it is: nobody else gets it back.
    ///   - now: seconds since 1970.
    mutating func keep(_ value: Value, size: Int, id: String, scope: String, now: Int) {
        guard size <= maxBytes / 4 else { return }
        put(Self.key(id, scope), Entry(value: value, size: size, expires: now &+ lifetime))
    }

    /// What was kept; nil when it is not known (any more).
    mutating func recall(_ id: String, scope: String, now: Int) -> Value? {
        let key = Self.key(id, scope)
        if let entry = young[key] { return entry.expires > now ? entry.value : nil }
        guard let entry = old.removeValue(forKey: key), entry.expires > now else { return nil }
        put(key, entry)
        return entry.value
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
