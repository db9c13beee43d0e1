import Dispatch
import Logging
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Books what every request used: first into the journal, then, rolled up, into the store.
///
/// **Exactly once.** A record is in the journal when `append` returns. A background queue reads the journal on from the position
/// that is kept in the store, adds up, and writes the sums and the new position in one transaction. Whatever the process
/// dies of, the store holds either both or neither: a stretch of the journal whose sums are in is never read again, and one whose
/// sums are not in is read again from its beginning. A segment is deleted only after a checkpoint has made durable that it is booked.
/// A request id that comes twice within some 65,000 records counts once.
public final class UsageLedger: Sendable {
    let store: any Store
    let directory: StateDirectory
    let journal: UsageJournal
    /// nil where it cannot be kept.
    let inFlight: InFlightFile?
    let today: TodayCounters
    let options: Options
    private let logger: Logger
    let queue = DispatchQueue(label: "proxyd.usage.book", qos: .utility)
    private let isBookingScheduled = Atomic<Bool>(false)
    private let watch: StorageWatch
    /// What is used and reserved of every limit.
    public let limits: LimitTable
    /// The state of the booking queue, where all but `failure` is used; the lock is never waited for.
    let booking: Mutex<Booking>
    /// Books the journal into what all nodes share; nil where that is nothing.
    let shared: SharedBooking?
    private let isDurable = Atomic<Bool>(false)
    private let bookingFailure = Mutex<String?>(nil)
    /// Up to here the journal is booked, for those who must not wait for the queue.
    private let booked: Mutex<JournalPosition>

    struct Options: Sendable {
        var journal = UsageJournal.Options()
        /// The time from a record to its being booked.
        var bookingDelayMilliseconds = 250
        /// The time between two looks for what is kept no longer, when nothing is appended.
        var tidyPauseMilliseconds = 60_000
        /// The time until a store that could not be written is tried again.
        var retryDelayMilliseconds = 2_000
        /// Whether records are kept until `apply` says it.
        var keepsRequests = true
        /// The time between two lines on a failure that goes on.
        var reminderSeconds = 60
        /// What nodes share.
        var shared: SharedBooking.Settings?
        var openStore: @Sendable (_ path: String) throws -> any Store = { try SQLiteStore(path: $0) }
        /// Seconds since 1970.
        var now: @Sendable () -> Int = { LoopContext.wallClock() / 1000 }
        var limitTime: @Sendable () -> LimitTime = { .now }
    }

    struct Booking {
        var rollup: UsageRollup
        /// Up to here the journal was read.
        var position: JournalPosition
        /// Read, but not booked: the store failed.
        var unbooked: UsageBatch?
        /// The oldest segment that may still have a file.
        var oldestSegment: Int
        /// All segments before are in the store for good.
        var safeSegment: Int
        /// Until when the files stay of segments that hold charges, in milliseconds since 1970.
        var kept: [Int: Int]
        /// Segments that a part of was passed over: their files are kept under another name.
        var damaged: Set<Int> = []
        /// How often in a row the segment could not be read.
        var failedReads = 0
        var retention = Retention()
        var isClosed = false

        init(rollup: UsageRollup, _ recovered: JournalRecovery.Result) {
            self.rollup = rollup
            position = recovered.start
            kept = recovered.kept
            safeSegment = recovered.start.segment
            oldestSegment = recovered.oldest
        }
    }

    /// Opens or creates the state directory, books what the last process left in its journal, and begins a new segment.
    ///
    /// No record is deleted before `apply` has said how long they are kept.
    ///
    /// - Parameters:
    ///   - keepsRequests: whether the records of what is booked now are kept at all.
    ///   - shared: the store of all nodes, which is booked into as well.
    /// - Throws: `StateFailure` or `LedgerFailure`, both with a sentence for an operator.
    public convenience init(
        directory: String, timeZone: Zone, keepsRequests: Bool = true, shared: SharedBooking.Settings? = nil, logger: Logger
    ) throws {
        var options = Options()
        options.shared = shared
        options.keepsRequests = keepsRequests
        try self.init(directory: directory, timeZone: timeZone, logger: logger, options: options)
    }

    init(directory path: String, timeZone: Zone, logger: Logger, options: Options) throws {
        directory = try StateDirectory(path)
        Self.removeCopies(in: path)
        self.logger = logger
        self.options = options
        let rescue = DatabaseRescue(path: directory.database, logger: logger, now: options.now())
        let journalPath = directory.journal
        let (store, begun) = try rescue.open(options.openStore) { store in
            // Each attempt has its own: what the first has read is nothing that the second has booked.
            try LedgerBeginning(store, journal: journalPath, timeZone: timeZone, logger: logger, options: options)
        }
        self.store = store
        today = begun.today
        limits = begun.limits
        watch = StorageWatch(logger: logger, reminderSeconds: options.reminderSeconds, now: options.now)
        let hook = SyncHook()
        var journalOptions = options.journal
        journalOptions.changed = { [watch] change in
            switch change {
            case .writeFailed(let failure): watch.failed(.journal, failure.description)
            case .writesAgain: watch.recovered(.journal)
            case .syncFailed(let failure):
                watch.failed(.sync, failure.description)
                hook.fire()
            case .syncsAgain: watch.recovered(.sync)
            }
        }
        journal = try UsageJournal(
            directory: directory.journal, firstSegment: begun.recovered.start.segment, options: journalOptions)
        let left = InFlightFile.left(at: directory.inFlight) { failure in
            logger.warning(
                "requests that were in flight when proxyd ended cannot be read", metadata: [LogKeys.reason: "\(failure)"])
        }
        try Self.mark(left.filter { !begun.rollup.knows($0.requestID) }, in: journal, logger)
        do throws(LedgerFailure) {
            inFlight = try InFlightFile(directory.inFlight)
        } catch {
            logger.warning("requests in flight are not kept: a crash loses sight of them", metadata: [LogKeys.reason: "\(error)"])
            inFlight = nil
        }
        booking = Mutex(Booking(rollup: begun.rollup, begun.recovered))
        booked = Mutex(begun.recovered.start)
        shared = try Self.share(store, journal, queue, begun, timeZone: timeZone, logger: logger, options: options)
        hook.set { [weak self] in self?.scheduleBooking() }
        shared?.wake()
    }

    /// What was in flight when the process before was killed gets its record.
    private static func mark(_ records: [UsageRecord], in journal: UsageJournal, _ logger: Logger) throws(LedgerFailure) {
        guard !records.isEmpty else { return }
        let marked = records.map { record in
            var record = record
            record.course.outcome = .crash
            record.isCounted = false
            record.provenance = .unknown
            record.charges = []
            return record
        }
        try journal.append(PendingUsage(marked))
        logger.warning(
            "requests were in flight when proxyd ended; nobody knows what they used",
            metadata: [LogKeys.count: "\(records.count)"])
    }

    // MARK: - On the hot path

    /// When it returns, the record outlives the process. One `write`, about a microsecond, from any thread.
    public func append(_ record: UsageRecord) throws(LedgerFailure) {
        try append(PendingUsage([record]))
    }

    /// All or nothing, with one `write`.
    func append(_ records: borrowing PendingUsage) throws(LedgerFailure) {
        do throws(LedgerFailure) {
            try journal.append(records)
        } catch {
            watch.lost(requests: records.count, tokens: records.days.reduce(0) { UsageAmounts.sum($0, $1.sum.total) })
            throw error
        }
        today.add(records.days)
        scheduleBooking()
    }

    /// Whether the journal took the last record, or there is reason to believe that it takes the next.
    /// Meant to be asked before a request is served that could not be accounted for.
    public var canRecord: Bool { journal.canWrite && (!waitsForDisk || journal.isSyncing) }

    /// Whether the end of an answer waits until its record survives a cut of power.
    var waitsForDisk: Bool { isDurable.load(ordering: .relaxed) }

    /// Calls `done` when all that was appended before survives a cut of power, or with why it may not.
    func sync(_ done: @escaping @Sendable (LedgerFailure?) -> Void) { journal.sync(done) }

    /// The current day's numbers of a key, this moment's records included. All zero for a key without usage.
    public func today(keyID: String) -> KeyToday {
        today.today(keyID: keyID, now: options.now())
    }

    public var health: LedgerHealth {
        if let failure = journal.writeFailure { return .failing(failure.description) }
        if let failure = journal.syncFailure { return .degraded(failure.description) }
        if let failure = bookingFailure.withLock({ $0 }) { return .degraded(failure) }
        if let shared, let reason = shared.trouble.reason {
            return .degraded("the store \(shared.settings.shown) cannot be used, and usage waits in the journal: \(reason)")
        }
        return .ok
    }

    /// How old the oldest record is that is not booked, in milliseconds: in the store that nodes share, or else in the own one.
    public var lag: Int {
        if let shared { return shared.millisecondsBehind }
        return JournalReader.age(
            from: booked.withLock { $0 }, to: journal.end, in: journal.directory, now: LoopContext.wallClock())
    }

    /// What could not be kept since the start.
    public var losses: UsageLosses { watch.losses }

    // MARK: - Queries; each sees all that was appended before

    public func totals() async throws -> UsageAmounts {
        try await reported { try $0.totals() }
    }

    /// The totals of all keys that were ever used, by id.
    public func keyTotals() async throws -> [String: KeyTotals] {
        try await reported { try $0.keyTotals() }
    }

    /// - Parameter mostHours: the latest hours that have usage, so many of them.
    public func usage(ofKey id: String, mostHours: Int = .max) async throws -> KeyUsage {
        try await reported { try $0.usage(ofKey: id, mostHours: max(0, mostHours)) }
    }

    /// The records themselves, the newest first, as far as they are kept.
    public func requests(_ filter: RequestFilter) async throws -> RequestPage {
        try await reported { try $0.requests(filter) }
    }

    /// Books all that was appended before. A store that cannot be written is told by `health`.
    public func flush() async {
        _ = try? await afterFlush { _ in }
    }

    // MARK: - Life

    /// How long records are kept, and what they survive; what is too old goes in the minutes to come.
    public func apply(_ usage: Configuration.Usage) async {
        isDurable.store(usage.durability == .power, ordering: .relaxed)
        let seconds = Int(usage.keepRequests.components.seconds)
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                booking.withLock { booking in
                    guard !booking.isClosed else { return }
                    // Where that fails, the next look tells.
                    _ = try? booking.retention.look(store, options.limitTime())
                    // What has come until now is kept or not as it was.
                    if usage.keepsRequests != booking.rollup.keepsRequests { book(&booking) }
                    booking.rollup.keepsRequests = usage.keepsRequests
                    if !booking.retention.isTold { scheduleTidying() }
                    booking.retention.keep(seconds: seconds)
                }
                shared?.apply(keepsRequests: usage.keepsRequests, seconds: seconds)
                scheduleBooking()
                continuation.resume()
            }
        }
    }

    /// What was booked keeps the days and hours it was booked under.
    public func setTimeZone(_ timeZone: Zone) async {
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                let isNew = booking.withLock { booking in
                    guard !booking.isClosed, booking.rollup.timeZone != timeZone else { return false }
                    book(&booking)
                    booking.rollup.timeZone = timeZone
                    return true
                }
                if isNew { restartToday(timeZone) }
                shared?.setTimeZone(timeZone)
                changeLimits(to: timeZone)
                continuation.resume()
            }
        }
    }

    /// Books and syncs everything; nothing can be appended afterwards. Another process may then have the directory.
    public func close() async {
        await shared?.close()
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                booking.withLock { booking in
                    guard !booking.isClosed else { return }
                    booking.isClosed = true
                    journal.close()
                    book(&booking)
                    do {
                        try store.checkpoint()
                        try store.close()
                    } catch {
                        logger.error("usage store was not closed cleanly", metadata: [LogKeys.error: "\(error)"])
                    }
                    directory.unlock()
                }
                continuation.resume()
            }
        }
    }

    // MARK: - On the booking queue

    /// Seconds since 1970.
    var now: Int { options.now() }

    var limitTime: LimitTime { options.limitTime() }

    /// What days and hours are reckoned in; on the booking queue only.
    var timeZone: Zone { booking.withLock { $0.rollup.timeZone } }

    /// Runs `query` on the booking queue, after what was appended is booked.
    func afterFlush<Result: Sendable>(_ query: @escaping @Sendable (any Store) throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in continuation.resume(with: Swift.Result { try flushed(query) }) }
        }
    }

    /// The same for a queue that may wait.
    func waitForFlush(_ query: (any Store) throws -> Void) throws {
        try queue.sync { try flushed(query) }
    }

    private func flushed<Result>(_ query: (any Store) throws -> Result) throws -> Result {
        let isClosed = booking.withLock { booking in
            if !booking.isClosed { book(&booking) }
            return booking.isClosed
        }
        guard !isClosed else { throw LedgerFailure.closed }
        do {
            return try query(store)
        } catch {
            noteDamage(error)
            throw error
        }
    }

    /// Cleared by the booking queue before it asks the journal for its end: whoever finds it set has been seen.
    private func scheduleBooking() {
        guard !isBookingScheduled.load(ordering: .relaxed), !isBookingScheduled.exchange(true, ordering: .acquiringAndReleasing)
        else { return }
        scheduleBooking(inMilliseconds: options.bookingDelayMilliseconds)
    }

    private func scheduleBooking(inMilliseconds delay: Int) {
        queue.asyncAfter(deadline: .now() + .milliseconds(delay)) { [weak self] in
            guard let self else { return }
            isBookingScheduled.store(false, ordering: .sequentiallyConsistent)
            let isDone = booking.withLock { booking in
                if booking.isClosed { return true }
                return book(&booking)
            }
            guard !isDone, !isBookingScheduled.exchange(true, ordering: .acquiringAndReleasing) else { return }
            scheduleBooking(inMilliseconds: options.retryDelayMilliseconds)
        }
    }

    /// What is too old is deleted also when nothing is appended and nobody asks.
    private func scheduleTidying() {
        queue.asyncAfter(deadline: .now() + .milliseconds(options.tidyPauseMilliseconds)) { [weak self] in
            guard let self else { return }
            let isOpen = booking.withLock { booking in
                if !booking.isClosed { book(&booking) }
                return !booking.isClosed
            }
            if isOpen { scheduleTidying() }
        }
    }

    /// Books what the journal holds beyond the last position. false when the store failed: the journal keeps it.
    @discardableResult
    private func book(_ booking: inout Booking) -> Bool {
        if inFlight?.takeLoss() == true {
            logger.error(
                "requests in flight are no longer kept: a crash loses sight of them",
                metadata: [LogKeys.file: "\(directory.inFlight)", LogKeys.reason: "a write into it failed"])
        }
        do {
            try bookUnbooked(&booking)
            let end = journal.end
            while booking.position < end {
                booking.unbooked = try read(&booking, to: end)
                try bookUnbooked(&booking)
            }
            if today.takeDoubt() { restartToday(booking.rollup.timeZone) }
            try settleLimitDoubt(booking.rollup.timeZone)
            deleteBookedSegments(&booking)
            let mayBeMore = try booking.retention.tidy(
                store, now: options.limitTime(), booking.rollup.timeZone, lastUsed: limits.lastUsed)
            if mayBeMore { scheduleBooking() }
        } catch {
            let reason = noteDamage(error) ? "the database is damaged, and the next start builds it anew: \(error)" : "\(error)"
            bookingFailure.withLock { $0 = "usage is not booked: \(reason)" }
            watch.failed(.store, reason)
            return false
        }
        let wasFailing = bookingFailure.withLock { failure in
            defer { failure = nil }
            return failure != nil
        }
        if wasFailing { watch.recovered(.store) }
        shared?.wake()
        // What a failed sync left in doubt is safe once the segment is booked and gone.
        return journal.syncFailure == nil
    }

    /// Damage that was met on the way is looked for by the next start, however the database looks then.
    @discardableResult
    private func noteDamage(_ error: any Error) -> Bool {
        guard SQLiteStore.isDamage(error) else { return false }
        DatabaseRescue.ask(for: directory.database)
        return true
    }

    private func bookUnbooked(_ booking: inout Booking) throws {
        guard let batch = booking.unbooked else { return }
        try store.book(batch)
        booking.unbooked = nil
        booked.withLock { $0 = batch.upTo }
    }

    /// Reads on to the segment's end, or to `end` where that comes first.
    /// - Throws: `JournalReader.Failure` where the same may be read later: a process that is short of descriptors loses nothing.
    private func read(_ booking: inout Booking, to end: JournalPosition) throws(JournalReader.Failure) -> UsageBatch {
        let from = booking.position
        let reader = JournalReader(path: journal.path(ofSegment: from.segment), segment: from.segment)
        let isLast = from.segment == end.segment
        let next = isLast ? end : .startOf(segment: from.segment + 1)
        let known = booking.rollup.duplicates
        do throws(JournalReader.Failure) {
            let limit = isLast ? end.offset : try reader.size()
            let (stop, ending) = try reader.forEach(in: from.offset..<max(from.offset, limit)) { booking.rollup.add($0) }
            if ending != .complete { report(lost: limit - stop, &booking, reason: "\(ending)") }
            booking.failedReads = 0
        } catch {
            booking.failedReads += 1
            // What was read of it already is known the next time, and counts once.
            guard error.isFinal(after: booking.failedReads) else { throw error }
            report(lost: nil, &booking, reason: "\(error)")
        }
        if next.segment > from.segment { booking.failedReads = 0 }
        if booking.rollup.duplicates > known {
            logger.warning(
                "requests were booked twice; each counts once", metadata: [LogKeys.count: "\(booking.rollup.duplicates - known)"])
        }
        booking.position = next
        let charged = booking.rollup.takeLatestCharge()
        if charged > 0 { booking.kept[from.segment] = max(booking.kept[from.segment] ?? 0, charged + JournalRecovery.minute) }
        return booking.rollup.take(from: from, upTo: next)
    }

    /// - Parameter bytes: nil where nobody knows.
    private func report(lost bytes: Int?, _ booking: inout Booking, reason: String) {
        let segment = booking.position.segment
        booking.damaged.insert(segment)
        logger.error(
            "a stretch of the usage journal cannot be read and is passed over; its file is kept",
            metadata: [
                LogKeys.segment: "\(segment)", LogKeys.bytes: "\(bytes.map(String.init) ?? "unknown")",
                LogKeys.reason: "\(reason)",
            ])
    }

    private func deleteBookedSegments(_ booking: inout Booking) {
        // A sync of what is safe that failed late is of no consequence either.
        journal.forget(before: booking.safeSegment)
        if booking.safeSegment < booking.position.segment {
            do {
                try store.checkpoint()
            } catch {
                // Somebody reads the database right now. The files wait for the next time.
                logger.debug("usage store: no checkpoint", metadata: [LogKeys.error: "\(error)"])
                return
            }
            booking.safeSegment = booking.position.segment
            journal.forget(before: booking.safeSegment)
        }
        guard booking.oldestSegment < booking.safeSegment else { return }
        let now = UsageAmounts.clamped(options.now()) * 1000
        while booking.oldestSegment < booking.safeSegment {
            // What the shared store lacks waits here.
            if let shared, booking.oldestSegment >= shared.firstNeeded { break }
            // A clock that was put back does not keep them for longer.
            if let until = booking.kept[booking.oldestSegment], (1...JournalRecovery.minute + 1_000).contains(until - now) {
                break
            }
            let path = journal.path(ofSegment: booking.oldestSegment)
            if booking.damaged.remove(booking.oldestSegment) == nil { unlink(path) } else { rename(path, path + ".damaged") }
            booking.kept[booking.oldestSegment] = nil
            booking.oldestSegment += 1
        }
    }

    private func restartToday(_ timeZone: Zone) {
        do {
            try today.restart(
                timeZone: timeZone, now: options.now(), latest: store.latestDay(), booked: store.keyAmounts(on:))
        } catch {
            logger.error("today's usage cannot be read; counting from zero", metadata: [LogKeys.error: "\(error)"])
        }
    }
}

/// What to do when a sync failed; known only once the ledger is there.
private final class SyncHook: Sendable {
    private let action = Mutex<(@Sendable () -> Void)?>(nil)

    func set(_ action: @escaping @Sendable () -> Void) { self.action.withLock { $0 = action } }

    func fire() { action.withLock { $0 }?() }
}
