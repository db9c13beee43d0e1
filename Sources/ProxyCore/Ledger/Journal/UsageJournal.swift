import Dispatch
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Usage records on their way to the database: checksummed, append-only segment files.
///
/// `append` is one `write` on the caller's thread: when it returns, the records outlive the process. `fdatasync` follows on a
/// background queue within milliseconds, so that they outlive the machine too.
final class UsageJournal: Sendable {
    let directory: String
    private let options: Options
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "proxyd.usage.sync", qos: .utility)
    private let isWriting = Atomic<Bool>(true)
    private let syncsWell = Atomic<Bool>(true)
    /// Called once it is on the disk.
    private let waiting = Mutex<[@Sendable (LedgerFailure?) -> Void]>([])

    struct Options: Sendable {
        /// A segment that has reached it is followed by the next.
        var segmentBytes = 16 << 20
        /// The time from the first write after a sync to the next sync.
        var syncDelayMilliseconds = 50
        /// While writing fails: from one look whether it works again to the next.
        var probeDelayMilliseconds = 1_000
        /// `write(2)`: how much was written, or the negative error number.
        var write: @Sendable (Int32, UnsafeRawBufferPointer) -> Int = { file, bytes in
            let count = Glibc.write(file, bytes.baseAddress, bytes.count)
            return count >= 0 ? count : -Int(errno)
        }
        /// `fdatasync(2)`: 0, or the error number.
        var sync: @Sendable (Int32) -> Int32 = { fdatasync($0) == 0 ? 0 : errno }
        /// Called on a background queue when writing or syncing begins to fail, and when it works again.
        var changed: @Sendable (Change) -> Void = { _ in }
    }

    enum Change: Sendable, Hashable {
        case writeFailed(LedgerFailure)
        case writesAgain
        case syncFailed(LedgerFailure)
        case syncsAgain
    }

    private struct State {
        var current: Segment
        /// Where the next frame goes: behind the last whole one.
        var offset: Int
        /// Something was written that was not synced.
        var isDirty = false
        /// Full segments that were not synced to their end yet.
        var unsynced: [Segment] = []
        /// Whether the directory has a name that was not synced.
        var isDirectoryDirty = true
        /// A failed write left bytes behind that could not be cut off: nothing may follow them.
        var isSpoiled = false
        var writeFailure: LedgerFailure?
        /// Why what was written may not survive the machine. After a failed sync the kernel takes the pages for clean, and the
        /// next sync succeeds without them: only that the store has all of it ends the failure.
        var syncFailure: LedgerFailure?
        /// The last segment that a failed sync leaves in doubt.
        var doubtful: Int?
        var isClosed = false
    }

    private struct Segment {
        let number: Int
        let file: FileDescriptor
    }

    /// Begins the segment of that number, which must not exist.
    init(directory: String, firstSegment: Int, options: Options = Options()) throws(LedgerFailure) {
        self.directory = directory
        self.options = options
        let segment = try Self.create(firstSegment, in: directory, options)
        state = Mutex(State(current: segment, offset: JournalFormat.headerSize))
    }

    /// Where the next record will stand. All before it can be read.
    var end: JournalPosition {
        state.withLock { JournalPosition(segment: $0.current.number, offset: $0.offset) }
    }

    /// Whether what is written is known to survive the machine; cheap enough for every request.
    var isSyncing: Bool { syncsWell.load(ordering: .relaxed) }

    /// Whether the last write went well; cheap enough for every request.
    var canWrite: Bool { isWriting.load(ordering: .relaxed) }

    /// Why the last record could not be taken.
    var writeFailure: LedgerFailure? { state.withLock { $0.writeFailure } }

    /// Why records that were taken may not survive the machine.
    var syncFailure: LedgerFailure? { state.withLock { $0.syncFailure } }

    func path(ofSegment segment: Int) -> String {
        directory + "/" + JournalFormat.fileName(ofSegment: segment)
    }

    /// All or nothing.
    func append(_ records: borrowing PendingUsage) throws(LedgerFailure) {
        guard !records.isEmpty else { return }
        let written = records.withFrames { frames in state.withLock { write(frames, &$0) } }
        if try written.get() { scheduleSync() }
    }

    /// Calls `done` when all that was appended before is on the disk, or with why it may not be; on a background queue.
    ///
    /// Who asks while the disk works waits for the next sync, together with all others.
    func sync(_ done: @escaping @Sendable (LedgerFailure?) -> Void) {
        let isFirst = waiting.withLock { waiting in
            waiting.append(done)
            return waiting.count == 1
        }
        guard isFirst else { return }
        queue.async { [self] in
            let waiters = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            let failure = sync()
            for done in waiters { done(failure) }
        }
    }

    /// All before that segment is in the store for good: a sync of it that failed is of no consequence any more.
    func forget(before segment: Int) {
        let isOver = state.withLock { state in
            guard let doubtful = state.doubtful, doubtful < segment else { return false }
            state.doubtful = nil
            state.syncFailure = nil
            syncsWell.store(true, ordering: .relaxed)
            return true
        }
        if isOver { queue.async { [options] in options.changed(.syncsAgain) } }
    }

    /// Syncs what is not, and takes nothing any more.
    func close() {
        state.withLock { $0.isClosed = true }
        queue.sync { _ = sync() }
    }

    // MARK: - Writing, under the lock

    /// Tells whether a sync is to be scheduled.
    private func write(_ frames: UnsafeRawBufferPointer, _ state: inout State) -> Result<Bool, LedgerFailure> {
        guard !state.isClosed else { return .failure(.closed) }
        if let failure = rotateIfNeeded(for: frames.count, &state) ?? put(frames, &state) {
            noteFailure(failure, &state)
            return .failure(failure)
        }
        state.offset += frames.count
        if state.writeFailure != nil { noteSuccess(&state) }
        defer { state.isDirty = true }
        return .success(!state.isDirty)
    }

    private func rotateIfNeeded(for size: Int, _ state: inout State) -> LedgerFailure? {
        let isFull = state.offset + size > options.segmentBytes && state.offset > JournalFormat.headerSize
        guard isFull || state.isSpoiled else { return nil }
        do throws(LedgerFailure) {
            let next = try Self.create(state.current.number + 1, in: directory, options)
            state.unsynced.append(state.current)
            state.current = next
            state.offset = JournalFormat.headerSize
            state.isDirectoryDirty = true
            state.isSpoiled = false
            return nil
        } catch {
            return error
        }
    }

    /// One `write`, in all but rare cases. A failure leaves the file as it was.
    private func put(_ frames: UnsafeRawBufferPointer, _ state: inout State) -> LedgerFailure? {
        let failure = Self.writeAll(frames, to: state.current.file.number, options)
        if failure != nil { cutOff(&state) }
        return failure
    }

    private func cutOff(_ state: inout State) {
        if ftruncate(state.current.file.number, off_t(state.offset)) != 0 { state.isSpoiled = true }
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, to file: Int32, _ options: Options) -> LedgerFailure? {
        var rest = bytes
        while !rest.isEmpty {
            let count = options.write(file, rest)
            if count > 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[min(count, rest.count)...])
            } else if count != -Int(EINTR) {
                return .failed("write", errno: count == 0 ? EIO : Int32(truncatingIfNeeded: -count))
            }
        }
        return nil
    }

    private static func create(_ number: Int, in directory: String, _ options: Options) throws(LedgerFailure) -> Segment {
        guard number <= JournalFormat.maximumSegment else { throw .failed("create segment \(number)", errno: EOVERFLOW) }
        let path = directory + "/" + JournalFormat.fileName(ofSegment: number)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC
        var descriptor = open(path, flags, 0o600)
        // What an attempt before left behind and could not take away; no record ever went into it.
        if descriptor < 0, errno == EEXIST, unlink(path) == 0 { descriptor = open(path, flags, 0o600) }
        guard descriptor >= 0 else { throw .failed("create", errno: errno) }
        let file = FileDescriptor(descriptor)
        let failure = JournalFormat.header(ofSegment: number).withUnsafeBytes { writeAll($0, to: descriptor, options) }
        if let failure {
            unlink(path)
            throw failure
        }
        return Segment(number: number, file: file)
    }

    // MARK: - When writing fails

    private func noteFailure(_ failure: LedgerFailure, _ state: inout State) {
        let isNew = state.writeFailure == nil
        state.writeFailure = failure
        isWriting.store(false, ordering: .relaxed)
        guard isNew else { return }
        queue.async { [options] in options.changed(.writeFailed(failure)) }
        scheduleProbe()
    }

    private func noteSuccess(_ state: inout State) {
        state.writeFailure = nil
        isWriting.store(true, ordering: .relaxed)
        queue.async { [options] in options.changed(.writesAgain) }
    }

    /// When requests are refused nobody appends: somebody has to find out that there is space again.
    private func scheduleProbe() {
        queue.asyncAfter(deadline: .now() + .milliseconds(options.probeDelayMilliseconds)) { [weak self] in self?.probe() }
    }

    private func probe() {
        let isStillFailing = state.withLock { state in
            guard state.writeFailure != nil, !state.isClosed else { return false }
            // The trial is as long as many records, so that health does not flap with the last free bytes. It is cut off again at
            // once.
            let zeroes = [UInt8](repeating: 0, count: 4_096)
            var failure = rotateIfNeeded(for: 0, &state)
            if failure == nil {
                failure = zeroes.withUnsafeBytes { Self.writeAll($0, to: state.current.file.number, options) }
                cutOff(&state)
            }
            guard let failure else {
                noteSuccess(&state)
                return false
            }
            state.writeFailure = failure
            return true
        }
        if isStillFailing { scheduleProbe() }
    }

    // MARK: - Syncing

    private func scheduleSync() {
        // A disk that refuses is not asked a hundred times in a second.
        let delay = syncFailure == nil ? options.syncDelayMilliseconds : options.probeDelayMilliseconds
        queue.asyncAfter(deadline: .now() + .milliseconds(delay)) { [weak self] in self?.sync() }
    }

    /// - Returns: why what was written until now may not survive the machine.
    @discardableResult
    private func sync() -> LedgerFailure? {
        let (segments, isDirectoryDirty) = state.withLock { state in
            defer {
                state.unsynced = []
                state.isDirty = false
                state.isDirectoryDirty = false
            }
            return (state.unsynced + [state.current], state.isDirectoryDirty)
        }
        var failure: LedgerFailure?
        var doubtful = 0
        for segment in segments {
            let code = options.sync(segment.file.number)
            guard code != 0 else { continue }
            failure = .failed("fdatasync", errno: code)
            doubtful = max(doubtful, segment.number)
        }
        if isDirectoryDirty, let problem = syncDirectory() {
            failure = problem
            doubtful = segments.last?.number ?? doubtful
        }
        if let failure { note(failure, upTo: doubtful) }
        return failure
    }

    /// Nothing follows in a segment whose bytes may be gone: the next one has pages that were never in doubt.
    private func note(_ failure: LedgerFailure, upTo segment: Int) {
        let isNew = state.withLock { state in
            defer {
                state.syncFailure = failure
                syncsWell.store(false, ordering: .relaxed)
                state.doubtful = max(state.doubtful ?? 0, segment)
            }
            if segment == state.current.number, !state.isClosed {
                state.isSpoiled = true
                // Where this fails the next write tries again.
                _ = rotateIfNeeded(for: 0, &state)
            }
            return state.syncFailure == nil
        }
        if isNew { options.changed(.syncFailed(failure)) }
    }

    private func syncDirectory() -> LedgerFailure? {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failed("open \(directory)", errno: errno) }
        let file = FileDescriptor(descriptor)
        return fsync(file.number) == 0 ? nil : .failed("fsync \(directory)", errno: errno)
    }
}
