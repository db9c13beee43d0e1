import Glibc
import Logging
import Synchronization

/// How the process logs, shared by everything that logs; a reload changes it in place.
public final class LogSettings: Sendable {
    /// Whether standard output is the journal's.
    private let isJournal: Bool
    private let isFile: Atomic<Bool>
    private let levelNumber: Atomic<Int>
    private let isJSON: Atomic<Bool>
    private let logsRequests: Atomic<Bool>
    private let logsAdmin: Atomic<Bool>
    private let zone: Mutex<Zone>

    /// - Parameter timeZone: of the times in the lines.
    public init(_ log: Configuration.Log = .init(), timeZone: Zone = .utc, marksPriority: Bool = false) {
        isJournal = marksPriority
        isFile = Atomic(log.file != nil)
        levelNumber = Atomic(Self.number(of: log.level))
        isJSON = Atomic(log.format == .json)
        logsRequests = Atomic(log.requests)
        logsAdmin = Atomic(log.admin)
        zone = Mutex(timeZone)
    }

    public func apply(_ log: Configuration.Log, timeZone: Zone) {
        levelNumber.store(Self.number(of: log.level), ordering: .relaxed)
        isJSON.store(log.format == .json, ordering: .relaxed)
        logsRequests.store(log.requests, ordering: .relaxed)
        logsAdmin.store(log.admin, ordering: .relaxed)
        isFile.store(log.file != nil, ordering: .relaxed)
        zone.withLock { $0 = timeZone }
    }

    /// The least severe level that is written.
    public var level: Logger.Level {
        switch levelNumber.load(ordering: .relaxed) {
        case 0: .trace
        case 1: .debug
        case 2: .info
        case 3: .notice
        case 4: .warning
        case 5: .error
        default: .critical
        }
    }

    public var format: Configuration.Log.Format { isJSON.load(ordering: .relaxed) ? .json : .text }

    /// Whether lines carry a `<6>` before them, from which the journal takes the priority.
    public var marksPriority: Bool { isJournal && !isFile.load(ordering: .relaxed) }

    /// Whether a request of that level has a line.
    func writes(_ level: RequestLogEntry.Level, isAdmin: Bool) -> Bool {
        guard isAdmin ? logsAdmin.load(ordering: .relaxed) : logsRequests.load(ordering: .relaxed) else { return false }
        return levelNumber.load(ordering: .relaxed) <= (level == .warning ? Self.number(of: .warning) : Self.number(of: .info))
    }

    /// Whether it is told what was decided for each request.
    var tellsDecisions: Bool { levelNumber.load(ordering: .relaxed) <= 1 }

    /// Whether it is told what sizes came and went, and when.
    var tellsBytes: Bool { levelNumber.load(ordering: .relaxed) == 0 }

    /// The zone of the times in the lines.
    var timeZone: Zone { zone.withLock { $0 } }

    /// Seconds east of Greenwich at that second since 1970.
    func utcOffset(at second: Int) -> Int {
        zone.withLock { $0.utcOffset(at: second) }
    }

    private static func number(of level: Configuration.Log.Level) -> Int {
        switch level {
        case .trace: 0
        case .debug: 1
        case .info: 2
        case .notice: 3
        case .warning: 4
        case .error: 5
        case .critical: 6
        }
    }

    /// Whether the descriptor is the journal's own stream, as `$JOURNAL_STREAM` (`device:inode`) tells; see systemd.exec(5).
    public static func isJournal(descriptor: Int32 = STDOUT_FILENO, environment: [String: String]) -> Bool {
        guard let stream = environment["JOURNAL_STREAM"] else { return false }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return false }
        return stream == "\(status.st_dev):\(status.st_ino)"
    }
}
