import Synchronization

/// How often the audit log notes that a role was not enough: who may do nothing could fill the disk with it.
final class ForbiddenCalls: Sendable {
    /// Entries of one admin key within a minute.
    static let most = 10

    private struct Minute {
        var begin: Int
        var count = 0
    }

    /// The minute of each admin key, by its name; the file has few of them.
    private let minutes = Mutex<[String: Minute]>([:])

    /// - Parameter now: seconds of a clock that never goes back.
    /// - Returns: whether another call that was forbidden is noted.
    func isNoted(of name: String, now: Int) -> Bool {
        minutes.withLock { minutes in
            var minute = minutes[name] ?? Minute(begin: now)
            if now - minute.begin >= 60 { minute = Minute(begin: now) }
            minute.count += 1
            minutes[name] = minute
            return minute.count <= Self.most
        }
    }
}
