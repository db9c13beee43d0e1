import Foundation
import Synchronization

/// The keys of all nodes in the shared store, as one node sees and changes them. Nobody who asks with a key waits for it: what
/// was seen is in memory, and in the node's own database.
final class SharedKeys: Sendable {
    private let booking: SharedBooking
    private let store: PostgresStore
    /// Whether the keys that were here before are there as well.
    private let isOffered = Atomic<Bool>(false)

    /// Seconds for a statement: an operator waits for it.
    private static let patience = 5
    /// Milliseconds from one look to the next where nobody says that there is something to see.
    private static let pause = 5_000
    /// Milliseconds before the first further attempt to connect; doubled up to `pause`.
    private static let shortestPause = 250

    init(_ booking: SharedBooking) {
        self.booking = booking
        store = PostgresStore(booking.settings.address, as: nil, patience: Self.patience)
    }

    func noteSeen() {
        guard var sharing = try? booking.local.sharing(), !sharing.hasKeys else { return }
        sharing.hasKeys = true
        try? booking.local.setSharing(sharing)
    }

    /// The node has keys that may not be there.
    func offerAgain() { isOffered.store(false, ordering: .relaxed) }

    /// What was changed since, in order.
    /// - Parameter own: the keys of this node, those that are not there are added.
    func changed(since version: Int, own: () -> [StoredKey]) throws -> [PostgresStore.VersionedKey] {
        try telling {
            if !isOffered.load(ordering: .relaxed) {
                try store.offer(own())
                isOffered.store(true, ordering: .relaxed)
            }
            return try store.keys(changedSince: version)
        }
    }

    /// - Parameters:
    ///   - versions: what this node knows of them.
    ///   - beforehand: what is done here before they are there; where it throws, they are not.
    func save(_ keys: [StoredKey], knowing versions: [String: Int], beforehand: () throws -> Void = {}) throws {
        try telling { try store.save(keys, knowing: versions, beforehand: beforehand) }
    }

    private func telling<Result>(_ work: () throws -> Result) throws -> Result {
        do {
            let result = try work()
            booking.trouble.end(.keys)
            return result
        } catch let failure as PostgresFailure {
            if case .conflict = failure { throw failure }
            booking.trouble.begin(.keys, failure)
            throw failure
        }
    }

    /// Calls `look` when another node has changed a key, and every few seconds, until it says that nobody is interested any more.
    ///
    /// - Parameter look: is told whether all is to be looked at anew: the store may be another one than before.
    func follow(_ look: @escaping @Sendable (_ all: Bool) -> Bool) {
        let thread = Thread { [self] in
            var pause = Self.shortestPause
            while !booking.isClosing {
                do {
                    let connection = try PostgresConnection(to: booking.settings.address, patience: Self.patience)
                    try PostgresStore.prepare(connection, Self.patience)
                    try connection.execute("LISTEN \(PostgresSchema.channel)")
                    pause = Self.shortestPause
                    isOffered.store(false, ordering: .relaxed)
                    guard look(true) else { return }
                    while !booking.isClosing {
                        _ = try connection.waitForNotification(milliseconds: Self.pause)
                        guard look(false) else { return }
                    }
                } catch {
                    booking.trouble.begin(.keys, error)
                    usleep(UInt32(pause) * 1_000)
                    pause = min(pause * 2, Self.pause)
                }
            }
        }
        thread.name = "shared keys"
        thread.start()
    }
}
