import ProxyCore
import Synchronization

/// A key whose history is longer than the body of a call: its parts wait here for the last of them. Nothing of it is stored before,
/// so that an import that breaks off leaves nothing. One key waits at a time, and another one's first part takes its place.
final class ImportParts: Sendable {
    /// Which part of a key's history a call has.
    struct Part: Hashable {
        /// The part's number, from 0 on.
        var number: Int
        var count: Int

        static let whole = Part(number: 0, count: 1)
        static let most = 10_000
    }

    private struct Waiting {
        var key: ImportedKey
        var next: Part
    }

    /// Half a century of hours.
    static let mostRows = 500_000
    private let waiting = Mutex<Waiting?>(nil)

    /// - Parameter key: with the rows of this part.
    /// - Returns: the key with the rows of all its parts; nil while there are parts to come.
    func take(_ key: ImportedKey, _ part: Part) throws(AdminFailure) -> ImportedKey? {
        let result: Result<ImportedKey?, AdminFailure> = waiting.withLock { waiting in
            if part.number == 0 {
                waiting = Waiting(key: key, next: part)
            } else {
                guard waiting?.key.digest == key.digest, waiting?.next == part else {
                    return .failure(
                        AdminFailure(.conflict, "the parts before this one are not here any more: begin with the key's first"))
                }
                waiting?.key.rows += key.rows
            }
            guard let rows = waiting?.key.rows.count, rows <= Self.mostRows else {
                waiting = nil
                return .failure(AdminFailure(.tooLarge, "a key has at most \(Self.mostRows) rows"))
            }
            guard part.number + 1 < part.count else {
                defer { waiting = nil }
                return .success(waiting?.key)
            }
            waiting?.next.number += 1
            return .success(nil)
        }
        return try result.get()
    }
}
