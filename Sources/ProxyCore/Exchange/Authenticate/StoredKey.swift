/// A key as the store keeps it. There is no place in it for the key itself.
struct StoredKey: Sendable, Hashable {
    var id: String
    var name: String
    /// nil for a declared key, whose digest is the file's, and for a deleted one.
    var digest: KeyDigest?
    var masked: String
    var policy: String
    var tags: [String: String]
    var enabled: Bool
    /// Seconds since 1970, as the other times.
    var created: Int
    var expires: Int?
    var source: ClientKey.Source
    var deleted: Int?
    /// What the key was before it was rotated, as long as that still opens; the latest last. Of a declared key what was booked for it, of
    /// a deleted one the traces of its texts: both open nothing.
    var retired: [RetiredSecret] = []
    /// What `created` leaves out: the fraction of its second, as another system wrote it.
    var createdMicroseconds = 0

    /// nil when there is nothing to recognise it by.
    var clientKey: ClientKey? {
        guard let digest, deleted == nil else { return nil }
        return ClientKey(
            id: id, name: name, digest: digest, masked: masked, policy: policy, tags: tags, enabled: enabled, created: created,
            createdMicroseconds: createdMicroseconds, expires: expires, overlapEnds: retired.map(\.until).max(), source: source)
    }
}

/// A text that a key had, and until when it still opens; seconds since 1970.
struct RetiredSecret: Sendable, Hashable {
    var digest: KeyDigest
    var until: Int
}

extension StoredKey {
    /// What is remembered of a declared key from the first day on.
    init(declared key: ClientKey, created: Int) {
        self.init(
            id: key.id, name: key.name, digest: nil, masked: key.masked, policy: key.policy, tags: key.tags, enabled: true,
            created: created, expires: nil, source: .declared, deleted: nil)
    }
}

extension ClientKey {
    /// The key as it is met by a text that was rotated away: the same key, which expires with the overlap.
    func with(_ retired: RetiredSecret) -> ClientKey {
        ClientKey(
            id: id, name: name, digest: retired.digest, masked: masked, policy: policy, tags: tags, enabled: enabled,
            created: created, createdMicroseconds: createdMicroseconds, expires: min(expires ?? .max, retired.until),
            overlapEnds: overlapEnds, source: source)
    }
}
