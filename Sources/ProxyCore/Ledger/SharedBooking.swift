import Dispatch
import Logging
import Synchronization

/// Books the journal into the store that nodes share, as the ledger books it into its own: in order, and each stretch in one
/// transaction with where it ends. The journal's files stay until both have them: what the shared store does not take waits on disk.
///
/// Its own database has all that this node has ever booked. Where the shared one lacks what the journal no longer has, since it is new
/// or has been put back to an earlier state, this node's rows there are put there anew as a whole.
public final class SharedBooking: Sendable {
    /// Where, and as whom.
    public struct Settings: Sendable {
        var address: PostgresAddress
        var node: String
        /// The address, without what is secret.
        var shown: String
        /// The first pause after a failure; it is doubled with each further one. Milliseconds.
        var shortestPause = 500
        var longestPause = 10_000
        /// Seconds for a statement.
        var patience = 30

        init(address: PostgresAddress, node: String, shown: String) {
            (self.address, self.node, self.shown) = (address, node, shown)
        }

        /// nil where the file has no shared store.
        public init?(_ cluster: ClusterSettings?) {
            guard let cluster, let store = cluster.store else { return nil }
            self.init(
                address: PostgresAddress(url: store.uri, ca: cluster.authorities?.path, sslMode: store.sslMode),
                node: cluster.node, shown: store.description)
        }
    }

    /// What it asks of the ledger.
    struct Journal: Sendable {
        var directory: String
        /// Where this process began to write.
        var start: JournalPosition
        var end: @Sendable () -> JournalPosition
        /// Writes all that is booked here into a new file.
        var copy: @Sendable (_ path: String) throws -> Void
        var limitTime: @Sendable () -> LimitTime

        func path(ofSegment segment: Int) -> String { directory + "/" + JournalFormat.fileName(ofSegment: segment) }
    }

    /// The state of the booking queue.
    struct Booking {
        var rollup: UsageRollup
        /// Up to here the journal was read; nil where nobody knows what is booked.
        var position: JournalPosition?
        /// Whether the store may have become another one since it was heard of.
        var isUnsure = false
        /// Read, but perhaps not booked.
        var unbooked: UsageBatch?
        /// The number of the last entry of the audit log that is there; nil where nobody knows.
        var auditEntry: Int?
        /// Whether what is there was looked at since the start.
        var hasBegun = false
        var wantsCopy = false
        var retention = Retention()
        var failures = 0
        var isClosed = false
    }

    let settings: Settings
    let local: SQLiteStore
    let writer: PostgresStore
    let reader: PostgresStore
    let journal: Journal
    let logger: Logger
    private let queue = DispatchQueue(label: "proxyd.shared.book", qos: .utility)
    private let reports = DispatchQueue(label: "proxyd.shared.report", qos: .userInitiated)
    private let booking: Mutex<Booking>
    private let isScheduled = Atomic<Bool>(false)
    private let needed = Atomic<Int>(0)
    /// How far the store is, for those who must not wait for it; nil where nobody knows.
    private let booked = Mutex<JournalPosition?>(nil)
    private let isEnding = Atomic<Bool>(false)
    let trouble: SharedTrouble

    /// - Throws: what the node's own database says.
    init(_ settings: Settings, local: SQLiteStore, journal: Journal, rollup: UsageRollup, logger: Logger) throws {
        self.settings = settings
        self.local = local
        self.journal = journal
        self.logger = logger
        let sharing = try local.sharing() ?? SQLiteStore.Sharing(state: Self.newState())
        try local.setSharing(sharing)
        writer = PostgresStore(
            settings.address, as: PostgresStore.Identity(state: sharing.state, node: settings.node),
            patience: settings.patience)
        reader = PostgresStore(settings.address, as: nil, patience: settings.patience)
        var first = Booking(rollup: rollup)
        first.wantsCopy = sharing.wantsCopy
        booking = Mutex(first)
        trouble = SharedTrouble(logger: logger, store: settings.shown)
        lookAgain()
    }

    /// A store may be replaced while nobody asks anything.
    private func lookAgain() {
        queue.asyncAfter(deadline: .now() + Self.lookEvery) { [weak self] in
            guard let self, !isClosing else { return }
            if !trouble.holds(.booking) { turn(isSure: false) }
            lookAgain()
        }
    }

    private static let lookEvery = DispatchTimeInterval.seconds(5)

    static func newState() -> String { KeyText.generateID() }

    /// Files of segments before this one are not needed here any more.
    var firstNeeded: Int { needed.load(ordering: .relaxed) }

    /// Whether nobody is to connect any more.
    var isClosing: Bool { isEnding.load(ordering: .relaxed) }

    // MARK: - From other queues

    /// There may be something to book.
    func wake() {
        guard !trouble.holds(.booking) else { return }
        schedule(inMilliseconds: 0)
    }

    /// Runs `query` on the store after what this node has written is booked there, as far as that can be.
    func report<Result: Sendable>(_ query: @escaping @Sendable (any Store) throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                // What cannot be written now may still be read; health tells what is missing.
                if !trouble.holds(.booking) { turn(isSure: false) }
                reports.async { [self] in continuation.resume(with: Swift.Result { try query(reader) }) }
            }
        }
    }

    /// Notes that something is about to be booked beside the journal, whatever comes between.
    func noteCopy() throws { try local.setWantsCopy(true) }

    /// Puts this node's rows there anew: something was booked beside the journal.
    func copyAgain() {
        // A copy of before may have ended since it was noted.
        try? local.setWantsCopy(true)
        queue.async { [self] in
            booking.withLock { $0.wantsCopy = true }
            turn()
        }
    }

    func apply(keepsRequests: Bool, seconds: Int) {
        queue.async { [self] in
            booking.withLock { booking in
                booking.rollup.keepsRequests = keepsRequests
                booking.retention.keep(seconds: seconds)
            }
            turn()
        }
    }

    func setTimeZone(_ timeZone: Zone) {
        queue.async { [self] in
            turn()
            booking.withLock { $0.rollup.timeZone = timeZone }
        }
    }

    /// Books what is left, if it can be; what cannot waits in the journal for the next start.
    func close() async {
        isEnding.store(true, ordering: .relaxed)
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                if !trouble.holds(.booking) { turn() }
                booking.withLock { $0.isClosed = true }
                writer.close()
                reports.async { [self] in
                    reader.close()
                    continuation.resume()
                }
            }
        }
    }

    /// How far the store is behind.
    func lag() -> SharingStatus {
        let position = booked.withLock { $0 }
        let end = journal.end()
        var bytes: Int?
        if let position {
            bytes = 0
            for segment in StateFiles.segments(in: journal.directory) where segment >= position.segment {
                let size = segment == end.segment ? end.offset : StateFiles.size(journal.path(ofSegment: segment)) ?? 0
                let from = segment == position.segment ? position.offset : JournalFormat.headerSize
                bytes = UsageAmounts.sum(bytes ?? 0, max(size - from, 0))
            }
        }
        return SharingStatus(store: settings.shown, trouble: trouble.reason, bytesBehind: bytes)
    }

    /// How old the oldest record is that is not booked there; 0 where there is none. Before the store was heard of it is of those that
    /// this process has written.
    var millisecondsBehind: Int {
        JournalReader.age(
            from: booked.withLock { $0 } ?? journal.start, to: journal.end(), in: journal.directory, now: LoopContext.wallClock())
    }

    // MARK: - On the queue

    private func schedule(inMilliseconds delay: Int) {
        guard !isScheduled.exchange(true, ordering: .acquiringAndReleasing) else { return }
        queue.asyncAfter(deadline: .now() + .milliseconds(delay)) { [weak self] in
            guard let self else { return }
            isScheduled.store(false, ordering: .sequentiallyConsistent)
            turn()
        }
    }

    /// Books all that the journal has. Where that fails, it is tried again later.
    /// - Parameter isSure: the store is what it was, as far as anybody knows.
    private func turn(isSure: Bool = true) {
        let pause = booking.withLock { booking -> Int? in
            guard !booking.isClosed else { return nil }
            if !isSure { booking.isUnsure = true }
            do {
                try bookAll(&booking)
                booking.failures = 0
                trouble.end(.booking)
                return nil
            } catch {
                if case PostgresFailure.gap = error {
                    // The store is not what it was: what it has is looked at anew.
                    booking.position = nil
                    if booking.failures == 0 {
                        booking.failures = 1
                        return 0
                    }
                }
                booking.failures = min(booking.failures + 1, 16)
                trouble.begin(.booking, error)
                return min(settings.shortestPause << (booking.failures - 1), settings.longestPause)
            }
        }
        if let pause { schedule(inMilliseconds: pause) }
    }

    private func bookAll(_ booking: inout Booking) throws {
        if booking.wantsCopy {
            try copy(&booking)
            try local.setWantsCopy(false)
            booking.wantsCopy = false
        }
        if booking.isUnsure, booking.unbooked == nil, booking.position != nil {
            if try writer.bookedPosition() != booking.position { booking.position = nil }
            booking.isUnsure = false
        }
        if booking.position == nil { try begin(&booking) }
        try bookUnbooked(&booking)
        let end = journal.end()
        while let position = booking.position, position < end {
            guard let batch = try read(&booking, from: position, to: end) else {
                try copy(&booking)
                continue
            }
            booking.unbooked = batch
            booking.position = batch.upTo
            try bookUnbooked(&booking)
        }
        try bookAudit(&booking)
        _ = try booking.retention.tidy(writer, now: journal.limitTime(), booking.rollup.timeZone)
    }

    private func bookUnbooked(_ booking: inout Booking) throws {
        if let batch = booking.unbooked { try writer.book(batch) }
        booking.unbooked = nil
        if let position = booking.position { note(position) }
    }

    private func bookAudit(_ booking: inout Booking) throws {
        var last = try booking.auditEntry ?? writer.lastAuditEntry()
        while case let entries = try local.auditEntries(after: last, limit: 500), !entries.isEmpty {
            last = try writer.add(entries)
        }
        booking.auditEntry = last
    }

    /// Finds out from where to go on.
    private func begin(_ booking: inout Booking) throws {
        booking.unbooked = nil
        booking.auditEntry = nil
        guard let booked = try writer.bookedPosition() else { return try copy(&booking) }
        if !booking.hasBegun, booked >= journal.start {
            // What is booked there has more of this state than the state itself: a backup was put back. What was there stays.
            let fresh = SQLiteStore.Sharing(state: Self.newState(), hasKeys: true)
            try local.setSharing(fresh)
            writer.become(PostgresStore.Identity(state: fresh.state, node: settings.node))
            try writer.begin(at: journal.start, auditEntry: try local.lastAuditEntry())
            logger.warning(
                "the shared store has booked more of this state directory than is in it: it goes on beside it",
                metadata: [LogKeys.store: "\(settings.shown)"])
            remember(journal.start, &booking)
        } else if booked.segment < journal.start.segment, !isThere(booked.segment) {
            try copy(&booking)
        } else {
            remember(booked, &booking)
        }
        booking.hasBegun = true
    }

    private func isThere(_ segment: Int) -> Bool { StateFiles.size(journal.path(ofSegment: segment)) != nil }

    /// Goes on from a position. What is booked of its segment is remembered, to recognise a request that comes again.
    private func remember(_ position: JournalPosition, _ booking: inout Booking) {
        var rollup = UsageRollup(timeZone: booking.rollup.timeZone)
        rollup.keepsRequests = booking.rollup.keepsRequests
        let reader = JournalReader(path: journal.path(ofSegment: position.segment), segment: position.segment)
        _ = try? reader.forEach(in: JournalFormat.headerSize..<max(position.offset, JournalFormat.headerSize)) { rollup.skip($0) }
        booking.rollup = rollup
        booking.position = position
        note(position)
    }

    private func note(_ position: JournalPosition) {
        booked.withLock { $0 = position }
        needed.store(position.segment, ordering: .relaxed)
    }

    /// Reads on to the segment's end, or to `end` where that comes first; nil where the segment is gone.
    private func read(_ booking: inout Booking, from: JournalPosition, to end: JournalPosition) throws -> UsageBatch? {
        let reader = JournalReader(path: journal.path(ofSegment: from.segment), segment: from.segment)
        let isLast = from.segment == end.segment
        do throws(JournalReader.Failure) {
            let limit = isLast ? end.offset : try reader.size()
            // What is damaged of it the ledger has told, and passes over too.
            _ = try reader.forEach(in: from.offset..<max(from.offset, limit)) { booking.rollup.add($0) }
        } catch {
            guard error.isFinal(after: 1) else { throw error }
            return nil
        }
        var batch = booking.rollup.take(from: from, upTo: isLast ? end : .startOf(segment: from.segment + 1))
        // What limits have used is each node's own, or the server's that shares them.
        batch.charges = []
        return batch
    }

    /// Puts there anew what is booked here.
    private func copy(_ booking: inout Booking) throws {
        let path = journal.directory + "/sharing.sqlite"
        StateFiles.remove(database: path)
        defer { StateFiles.remove(database: path) }
        try journal.copy(path)
        let copy = try SQLiteStore(lookingAt: path)
        defer { try? copy.close() }
        let copied = try writer.replace(by: copy)
        logger.notice(
            "all that this node has booked was put into the shared store",
            metadata: [
                LogKeys.store: "\(settings.shown)", LogKeys.requests: "\(copied.requests)", LogKeys.rows: "\(copied.rows)",
                LogKeys.blocks: "\(copied.blocks)", LogKeys.entries: "\(copied.entries)",
            ])
        booking.unbooked = nil
        booking.auditEntry = nil
        booking.hasBegun = true
        remember(copied.position, &booking)
    }
}

/// How the store that nodes share is doing, as this node sees it.
public struct SharingStatus: Sendable, Hashable {
    /// The store's address, without what is secret.
    public var store: String
    /// Why it cannot be used; nil where it can.
    public var trouble: String?
    /// Bytes of the journal that are not booked there; nil where nobody knows.
    public var bytesBehind: Int?
}

/// Why the shared store cannot be used, told when it begins, every minute, and when it ends.
final class SharedTrouble: Sendable {
    enum Part: Sendable, CaseIterable {
        /// Usage is not booked there.
        case booking
        /// Changes of keys are not seen.
        case keys
    }

    private struct State {
        var reasons: [Part: String] = [:]
        var name: String?
        /// Seconds of the clock on the wall.
        var since = 0
        var told = 0
    }

    private let state = Mutex(State())
    private let isOn = Atomic<Bool>(false)
    private let hidesKeys = Atomic<Bool>(false)
    private let logger: Logger
    private let store: String
    private static let reminder = 60

    init(logger: Logger, store: String) {
        (self.logger, self.store) = (logger, store)
    }

    /// A look without waiting: it is asked with requests.
    var isThere: Bool { isOn.load(ordering: .relaxed) }

    /// Whether keys were not seen there since it began. The same.
    var areKeysUnseen: Bool { hidesKeys.load(ordering: .relaxed) }

    var reason: String? { state.withLock { $0.reasons[.booking] ?? $0.reasons[.keys] } }

    func holds(_ part: Part) -> Bool { state.withLock { $0.reasons[part] != nil } }

    /// When it began; seconds of the wall clock.
    var since: Int? { state.withLock { $0.reasons.isEmpty ? nil : $0.since } }

    /// What is wrong, in a word; nil where nothing is.
    var name: String? { state.withLock { $0.reasons.isEmpty ? nil : $0.name } }

    func begin(_ part: Part, _ error: any Error) {
        let now = LoopContext.wallClock() / 1000
        let (reason, name) = ("\(error)", (error as? PostgresFailure)?.name ?? "failing")
        let isTold = state.withLock { state in
            let isNew = state.reasons.isEmpty
            // Where keys are seen again, usage may be booked later.
            if part == .keys || state.reasons[part] == nil { hidesKeys.store(true, ordering: .relaxed) }
            let isOther = state.reasons.values.allSatisfy { $0 != reason }
            state.reasons[part] = reason
            state.name = name
            isOn.store(true, ordering: .relaxed)
            if isNew { state.since = now }
            guard isNew || isOther || now - state.told >= Self.reminder else { return false }
            state.told = now
            return true
        }
        guard isTold else { return }
        logger.error(
            "the shared store cannot be used; usage waits in the journal, and keys are those of before",
            metadata: [LogKeys.store: "\(store)", LogKeys.error: "\(reason)"])
    }

    func end(_ part: Part) {
        let seconds = state.withLock { state -> Int? in
            if part == .keys { hidesKeys.store(false, ordering: .relaxed) }
            guard state.reasons.removeValue(forKey: part) != nil, state.reasons.isEmpty else { return nil }
            isOn.store(false, ordering: .relaxed)
            return LoopContext.wallClock() / 1000 - state.since
        }
        guard let seconds else { return }
        logger.notice(
            "the shared store can be used again", metadata: [LogKeys.store: "\(store)", LogKeys.seconds: "\(max(0, seconds))"])
    }
}
