import Dispatch
import Foundation
import Glibc
import Synchronization

/// Where all log lines of the process go: one buffer, one thread that writes it out.
///
/// Whoever logs only copies into memory, so an output that is slow, blocked or gone never holds an event loop up. What is in
/// the buffer is written within `delay`, sooner when `batch` bytes are there or a line is urgent. When the output takes
/// nothing and `capacity` bytes wait, further lines are dropped and counted, and the count is told once the output flows
/// again. A sink lives until `close`.
public final class LogSink: Sendable {
    private let descriptor: Int32
    private let capacity: Int
    private let batch: Int
    private let delay: DispatchTimeInterval
    private let notice: @Sendable (LogNotice) -> [UInt8]
    private let state = Mutex(State())
    private let lost = Atomic<Int>(0)
    private let failing = Atomic<Bool>(false)
    private let wake = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    private struct State {
        var pending: [UInt8] = []
        /// Where lines go from now on, until the writer has taken it over.
        var targets: [LogTarget] = []
        /// Bytes the writer has taken and not yet written.
        var inHand = 0
        /// Bytes ever taken in, and bytes ever written or given up.
        var accepted = 0
        var finished = 0
        var untoldLosses = 0
        var isUrgent = false
        var isClosed = false
        var sleep = Sleep.awake
        var waiters: [(target: Int, done: DispatchSemaphore)] = []

        enum Sleep { case awake, untilWritten, gathering }

        /// Whether the writer has to be woken now; it is woken once.
        mutating func rouses(batch: Int) -> Bool {
            switch sleep {
            case .awake: return false
            case .untilWritten: break
            case .gathering: guard isUrgent || pending.count >= batch else { return false }
            }
            sleep = .awake
            return true
        }
    }

    /// - Parameters:
    ///   - descriptor: of an open file, standard output by default; it stays the caller's.
    ///   - capacity: bytes that may wait.
    ///   - batch: bytes that are written without waiting for more.
    ///   - delay: milliseconds a line waits for others.
    ///   - target: where lines go: the descriptor, or a file.
    ///   - notice: the line that the log says about itself, with its line end.
    public init(
        descriptor: Int32 = STDOUT_FILENO, capacity: Int = 4 << 20, batch: Int = 32 << 10, delayMilliseconds: Int = 50,
        target: LogTarget = .standardOutput, notice: @escaping @Sendable (LogNotice) -> [UInt8] = { Array("\($0)\n".utf8) }
    ) {
        self.descriptor = descriptor
        self.capacity = capacity
        self.batch = batch
        self.delay = .milliseconds(delayMilliseconds)
        self.notice = notice
        state.withLock { $0.targets = [target] }
        let thread = Thread { [self] in run() }
        thread.name = "log"
        thread.start()
    }

    /// Takes whole lines, line ends included. `urgent` lines are not held back for others.
    public func write(_ bytes: UnsafeRawBufferPointer, urgent: Bool = false) {
        guard !bytes.isEmpty else { return }
        let rouses = state.withLock { state in
            guard !state.isClosed, state.pending.count + state.inHand + bytes.count <= capacity else {
                let lines = LogWriter.lines(in: bytes)
                state.untoldLosses += lines
                lost.add(lines, ordering: .relaxed)
                return false
            }
            state.pending.append(contentsOf: bytes)
            state.accepted += bytes.count
            if urgent { state.isUrgent = true }
            return state.rouses(batch: batch)
        }
        if rouses { wake.signal() }
    }

    /// Sends further lines elsewhere; what waits goes there too. The sink closes what it was given.
    public func move(to target: LogTarget) {
        state.withLock { $0.targets.append(target) }
    }

    /// Whether the output, or the file, does not take lines now.
    public var isFailing: Bool { failing.load(ordering: .relaxed) }

    /// Lines that never reached the output.
    public var lostLines: Int { lost.load(ordering: .relaxed) }

    /// Waits until everything taken in so far is written; false when the output did not take it in time.
    @discardableResult
    public func flush(timeoutMilliseconds: Int = 2000) -> Bool {
        let done = DispatchSemaphore(value: 0)
        let (waits, rouses) = state.withLock { state in
            guard state.finished < state.accepted else { return (false, false) }
            state.waiters.append((state.accepted, done))
            state.isUrgent = true
            return (true, state.rouses(batch: batch))
        }
        if rouses { wake.signal() }
        guard waits else { return true }
        return done.wait(timeout: .now() + .milliseconds(timeoutMilliseconds)) == .success
    }

    /// Writes what is there and ends the thread; later lines are dropped.
    public func close(timeoutMilliseconds: Int = 2000) {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        wake.signal()
        _ = ended.wait(timeout: .now() + .milliseconds(timeoutMilliseconds))
    }

    // MARK: The writer's thread

    private func run() {
        // A closed pipe shall be an error of `write` here, never a signal that ends the process.
        var signals = sigset_t()
        sigfillset(&signals)
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        var writer = LogWriter(descriptor: descriptor, notice: notice)
        var chunk: [UInt8] = []
        while awaitLines() {
            let (losses, targets) = state.withLock { state in
                chunk.removeAll(keepingCapacity: chunk.capacity <= 1 << 20)
                swap(&chunk, &state.pending)
                state.inHand = chunk.count
                state.isUrgent = false
                defer { (state.untoldLosses, state.targets) = (0, []) }
                return (state.untoldLosses, state.targets)
            }
            for target in targets { writer.take(target) }
            let unwritten = writer.write(chunk)
            if unwritten > 0 { lost.add(unwritten, ordering: .relaxed) }
            if unwritten == 0, losses > 0 { _ = writer.write(notice(.dropped(lines: losses))) }
            failing.store(writer.isFailing, ordering: .relaxed)
            releaseWaiters()
        }
        ended.signal()
    }

    /// Sleeps until there is something to write; false when there is nothing and there will be nothing.
    private func awaitLines() -> Bool {
        while true {
            let (isEmpty, isClosed, isEnough) = state.withLock { state in
                let isEmpty = state.pending.isEmpty && state.untoldLosses == 0
                let isEnough = state.isUrgent || state.pending.count >= batch
                if isEmpty {
                    if !state.isClosed { state.sleep = .untilWritten }
                } else if !isEnough, !state.isClosed {
                    state.sleep = .gathering
                }
                return (isEmpty, state.isClosed, isEnough)
            }
            if isEmpty {
                guard !isClosed else { return false }
                wake.wait()
                continue
            }
            guard !isEnough, !isClosed else { return true }
            _ = wake.wait(timeout: .now() + delay)
            state.withLock { $0.sleep = .awake }
            return true
        }
    }

    private func releaseWaiters() {
        let done = state.withLock { state in
            state.finished += state.inHand
            state.inHand = 0
            let finished = state.finished
            let reached = state.waiters.filter { $0.target <= finished }.map(\.done)
            state.waiters.removeAll { $0.target <= finished }
            return reached
        }
        for waiter in done { waiter.signal() }
    }
}
