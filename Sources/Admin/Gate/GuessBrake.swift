import Crypto
import Foundation
import ProxyCore
import Synchronization

/// Slows down who guesses the admin key: after ten wrong keys an address waits, longer with every further one.
///
/// What an address shows during its pause is not looked at, so that a right guess says nothing; another address is not touched.
/// A right key, or an hour without a wrong one, forgets it all. A key that is shown again is no new guess: a scraper with an old
/// key waits for a second at a time, however often it comes.
final class GuessBrake: Sendable {
    static let freeGuesses = 10
    static let longestPauseSeconds = 60
    private static let memorySeconds = 3_600
    /// Addresses; the one that was wrong longest ago gives way.
    private static let capacity = 4_096
    /// An address is told of again after so long.
    private static let lineSeconds = 60
    /// Log lines that all addresses together may cause in `lineSeconds`.
    private static let maximumLines = 20

    private struct Entry {
        var guesses = 0
        var pauseSeconds = 0
        /// Seconds since 1970, as all times here.
        var pausedUntil = 0.0
        var lastWrong = 0.0
        var lastKey: SHA256Digest?
        var lastLine = -Double.infinity
        /// Guesses since that line.
        var unreported = 0
    }

    private struct State {
        var entries: [Source: Entry] = [:]
        var linesFrom = -Double.infinity
        var lines = 0
    }

    private let state = Mutex(State())

    /// Who is meant: an IPv4 address, the network of an IPv6 one, or whatever else the peer is.
    private enum Source: Hashable {
        case network(UInt64)
        case v4(UInt64)
        case other(String)

        init(_ address: String) {
            guard let parsed = AddressRange.Address(String(address.prefix { $0 != "%" })) else {
                self = .other(String(address.prefix(64)))
                return
            }
            self = parsed.isV4 ? .v4(parsed.low) : .network(parsed.high)
        }
    }

    /// How many whole seconds an address has to wait still; nil when it need not.
    func pause(of address: String, now: Date) -> Int? {
        let now = now.timeIntervalSince1970
        return state.withLock { state in
            guard let entry = state.entries[Source(address)] else { return nil }
            let rest = entry.pausedUntil - now
            // A clock that was put back must not make a minute an hour.
            guard rest > 0, rest <= Double(Self.longestPauseSeconds) else { return nil }
            return Int(rest.rounded(.up))
        }
    }

    /// A wrong key was shown. Gives how many wrong keys of this address there were since it was told of last, when it is to be told
    /// now.
    func wrong(_ key: SHA256Digest, from address: String, now: Date) -> Int? {
        let now = now.timeIntervalSince1970
        return state.withLock { state in
            let source = Source(address)
            Self.makeRoom(for: source, now, &state)
            var entry = state.entries[source] ?? Entry()
            if now - entry.lastWrong > Double(Self.memorySeconds) || now < entry.lastWrong - 1 {
                entry.guesses = 0
                entry.pauseSeconds = 0
            }
            entry.guesses = min(entry.guesses + 1, 1 << 30)
            if entry.guesses >= Self.freeGuesses {
                let isNewGuess = entry.lastKey != key
                entry.pauseSeconds = isNewGuess ? min(max(1, entry.pauseSeconds * 2), Self.longestPauseSeconds) : 1
                entry.pausedUntil = now + Double(entry.pauseSeconds)
            }
            entry.lastKey = key
            entry.lastWrong = now
            entry.unreported = min(entry.unreported + 1, 1 << 30)
            var reported: Int?
            if Self.mayTell(now, lastLine: entry.lastLine, &state) {
                reported = entry.unreported
                entry.unreported = 0
                entry.lastLine = now
            }
            state.entries[source] = entry
            return reported
        }
    }

    /// The right key was shown.
    func right(from address: String) {
        state.withLock { state in
            guard !state.entries.isEmpty else { return }
            state.entries[Source(address)] = nil
        }
    }

    private static func mayTell(_ now: Double, lastLine: Double, _ state: inout State) -> Bool {
        guard now - lastLine >= Double(lineSeconds) || now < lastLine else { return false }
        if now - state.linesFrom >= Double(lineSeconds) || now < state.linesFrom {
            state.linesFrom = now
            state.lines = 0
        }
        state.lines += 1
        return state.lines <= maximumLines
    }

    private static func makeRoom(for source: Source, _ now: Double, _ state: inout State) {
        guard state.entries.count >= capacity, state.entries[source] == nil else { return }
        state.entries = state.entries.filter { now - $0.value.lastWrong <= Double(memorySeconds) }
        guard state.entries.count >= capacity else { return }
        // A sixteenth at once: the table is not looked through for every address of a flood.
        let oldest = state.entries.sorted { $0.value.lastWrong < $1.value.lastWrong }.prefix(capacity / 16)
        for (source, _) in oldest { state.entries[source] = nil }
    }
}
