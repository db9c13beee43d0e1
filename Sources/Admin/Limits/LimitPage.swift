import Basics
import ProxyCore

/// What `GET /admin/limits` is asked for where `count` makes it a page of so many buckets: `before` goes on from there.
struct LimitPage {
    let count: Int
    /// The last bucket of the page before; nil begins with the first.
    let before: LimitCharge?

    /// nil where all is asked for.
    init?(_ query: RequestQuery, of limits: [UsageLimit]) throws(AdminFailure) {
        let count = try query.count(upTo: 1_000)
        guard let text = query["before"], !text.isEmpty else {
            guard let count else { return nil }
            (self.count, before) = (count, nil)
            return
        }
        guard let place = Self.place(text), limits.contains(where: { $0.id == place.limit }) else {
            throw AdminFailure(.badRequest, "before must be the 'next' of the page before")
        }
        (self.count, before) = (count ?? 100, place)
    }

    /// What `before` is for the page that follows a bucket: clients choose its name, so it is not written as it is.
    static func cursor(_ place: LimitCharge) -> String { Base64.encodeURL(Array("\(place.limit)\0\(place.bucket)".utf8)) }

    private static func place(_ text: String) -> LimitCharge? {
        guard let bytes = Base64.decode(text), let end = bytes.firstIndex(of: 0) else { return nil }
        return LimitCharge(
            limit: String(decoding: bytes[..<end], as: UTF8.self), bucket: String(decoding: bytes[(end + 1)...], as: UTF8.self))
    }
}
