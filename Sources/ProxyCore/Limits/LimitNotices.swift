import Synchronization

/// Keeps what may happen with every request from filling the log: it is told of once a minute, with how often it has happened.
final class LimitNotices: Sendable {
    private struct Notice {
        var count = 0
        /// When it was last told, by the steady clock; nil before the first time.
        var toldAt: Int?
    }

    private let notices = Mutex<[String: Notice]>([:])
    /// Milliseconds.
    private static let pause = 60_000
    /// Limits have names of the file's, which may be written anew for ever.
    private static let most = 1_000

    /// - Parameters:
    ///   - what: names what has happened.
    ///   - now: milliseconds of the steady clock.
    /// - Returns: how often it has happened since it was told of, where it is to be told of now.
    func happened(_ what: String, now: Int) -> Int? {
        notices.withLock { notices in
            if notices.count >= Self.most, notices[what] == nil { notices.removeAll() }
            var notice = notices[what] ?? Notice()
            notice.count = min(notice.count + 1, UsageAmounts.limit)
            defer { notices[what] = notice }
            if let toldAt = notice.toldAt, now - toldAt < Self.pause { return nil }
            notice.toldAt = now
            defer { notice.count = 0 }
            return notice.count
        }
    }
}
