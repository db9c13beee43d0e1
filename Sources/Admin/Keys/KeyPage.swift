import Basics
import ProxyCore

/// What `GET /admin/keys` is asked for: `search`, or `q`, narrows it, `limit` makes it a page of the newest, `before` goes on from there.
struct KeyPage {
    /// Lower case; empty for every key.
    let words: String
    /// nil: all, the oldest first, as scripts have it.
    let limit: Int?
    /// What the last key of the page before was; nil begins with the newest.
    let before: Cursor?

    /// A key's place among all, the newest first. It holds after the key itself is gone.
    struct Cursor: Comparable {
        let created: Int
        let microseconds: Int
        let id: String

        init(_ key: ClientKey) {
            created = key.created
            microseconds = key.createdMicroseconds
            id = key.id
        }

        /// `1770000000.250000.key_abc`.
        init?(_ text: String) {
            let parts = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, let created = Int(parts[0]), let microseconds = Int(parts[1]) else { return nil }
            self.created = created
            self.microseconds = microseconds
            id = String(parts[2])
        }

        var text: String { "\(created).\(microseconds).\(id)" }

        static func < (a: Cursor, b: Cursor) -> Bool {
            (a.created, a.microseconds, a.id) < (b.created, b.microseconds, b.id)
        }
    }

    init(_ query: RequestQuery) throws(AdminFailure) {
        words = (query["search"] ?? query["q"] ?? "").lowercased()
        limit = try query.limit(upTo: 1_000)
        guard let text = query["before"], !text.isEmpty else {
            before = nil
            return
        }
        guard let cursor = Cursor(text) else {
            throw AdminFailure(.badRequest, "before must be the 'next' of the page before")
        }
        before = cursor
    }

    /// The keys of the page, what `before` is for the next one, and how many keys there are on all of them.
    func select(from keys: [ClientKey]) -> (keys: [ClientKey], next: String?, total: Int) {
        let found = words.isEmpty ? keys : keys.filter(holds)
        guard limit != nil || before != nil else { return (found, nil, found.count) }
        let limit = limit ?? 100
        let placed = found.map { (place: Cursor($0), key: $0) }.sorted { $0.place > $1.place }
        let rest = before.map { before in placed.drop { $0.place >= before } } ?? placed[...]
        let page = rest.prefix(limit)
        return (page.map(\.key), rest.count > page.count ? page.last?.place.text : nil, found.count)
    }

    /// Whether the words stand in anything that the list shows of a key.
    private func holds(_ key: ClientKey) -> Bool {
        let texts = [key.name, key.id, key.policy, key.masked] + key.tags.map { "\($0.key)=\($0.value)" }
        return texts.contains { $0.lowercased().contains(words) }
    }
}
