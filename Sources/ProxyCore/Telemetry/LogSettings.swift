import Glibc
import Logging
import Synchronization

/// How the process logs, shared by everything that logs; a reload changes it in place.
public final class LogSettings: Sendable {
    /// Whether lines carry a `<6>` before them, from which the journal takes the priority.
    public let marksPriority: Bool
    private let levelNumber: Atomic<Int>
    private let isJSON: Atomic<Bool>
    private let logsRequests: Atomic<Bool>
    private let zone: Mutex<Zone>

    /// - Parameter timeZone: of the times in the lines.
    public init(_ log: Configuration.Log = .init(), timeZone: Zone = .utc, marksPriority: Bool = false) {
        self.marksPriority = marksPriority
        levelNumber = Atomic(Self.number(of: log.level))
        isJSON = Atomic(log.format == .json)
        logsRequests = Atomic(log.requests)
        zone = Mutex(timeZone)
    }

    public func apply(_ log: Configuration.Log, timeZone: Zone) {
        levelNumber.store(Self.number(of: log.level), ordering: .relaxed)
        isJSON.store(log.format == .json, ordering: .relaxed)
        logsRequests.store(log.requests, ordering: .relaxed)
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

    /// Whether there is a line for each request.
    public var writesRequests: Bool { logsRequests.load(ordering: .relaxed) && levelNumber.load(ordering: .relaxed) <= 2 }

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
