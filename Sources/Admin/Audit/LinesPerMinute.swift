import Synchronization

/// Bounds how many lines of one kind a log takes on account of one name: whoever may do nothing could fill the disk with them.
final class LinesPerMinute: Sendable {
    /// Lines within a minute.
    static let most = 10

    private struct Minute {
        var begin: Int
        var count = 0
    }

    /// The minute of each name: an admin key's, a person's, or a kind of failure.
    private let minutes = Mutex<[String: Minute]>([:])

    /// - Parameter now: seconds of a clock that never goes back.
    /// - Returns: whether another line is written.
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
