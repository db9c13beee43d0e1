import Foundation
import Logging
import ProxyCore
import Synchronization

/// Where the log goes, as the file says it: at the start, at a reload, at SIGUSR1.
struct LogOutput: Sendable {
    let sink: LogSink

    init(_ log: Configuration.Log, settings: LogSettings) throws(OpenedLogFile.Failure) {
        let target: LogTarget =
            if let path = log.file { .file(try OpenedLogFile.open(path), log.rotation) } else { .standardOutput }
        sink = LogSink(target: target, notice: ProxyLogHandler.notice(settings: settings))
    }

    /// Another file is opened before the reload applies, which is refused where it cannot be.
    func hook() -> ReloadHook {
        let held = Held()
        return ReloadHook(
            name: "log",
            prepare: { old, new throws(ReloadRefusal) in
                let (before, after) = (old.configuration.log, new.configuration.log)
                guard before.file != after.file, let path = after.file else { return }
                do throws(OpenedLogFile.Failure) {
                    held.keep(.file(try OpenedLogFile.open(path), after.rotation))
                } catch {
                    throw ReloadRefusal(key: "log.file", message: "\(error)")
                }
            },
            rollback: { if case .file(let file, _)? = held.take() { file.close() } },
            commit: { [sink] old, new in
                let (before, after) = (old.configuration.log, new.configuration.log)
                guard before.file != after.file else {
                    if before.rotation != after.rotation { sink.move(to: .rotation(after.rotation)) }
                    return
                }
                // What was said before the change is where it was.
                sink.flush(timeoutMilliseconds: 200)
                sink.move(to: held.take() ?? .standardOutput)
            })
    }

    /// What a reload has opened and not yet taken into use.
    private final class Held: Sendable {
        private let target = Mutex<LogTarget?>(nil)

        func keep(_ new: LogTarget) { target.withLock { $0 = new } }

        func take() -> LogTarget? {
            target.withLock { target in
                defer { target = nil }
                return target
            }
        }
    }
}

/// Opens the log's file anew at SIGUSR1, as logrotate's `postrotate` asks for it: that of `log.file`, and the one that standard
/// output was sent to.
struct LogRotations: Service {
    let signals: TrappedSignals
    /// Standard output's; nil where it is no file.
    let redirected: LogFile?
    let sink: LogSink
    let snapshots: SnapshotStore
    let logger: Logger

    func run() async {
        for await _ in signals.arrivals {
            let path = snapshots.current.configuration.log.file
            if path == nil, redirected == nil {
                logger.info("the log is not in a file; there is nothing to open anew")
            }
            if let redirected { tell(redirected.path, redirected.reopen()) }
            guard let path else { continue }
            do throws(OpenedLogFile.Failure) {
                sink.move(to: .reopened(try OpenedLogFile.open(path)))
                tell(path, nil)
            } catch {
                tell(path, "\(error)")
            }
        }
    }

    private func tell(_ path: String, _ failure: String?) {
        if let failure {
            logger.error(
                "the log's file cannot be opened anew", metadata: [LogKeys.path: "\(path)", LogKeys.reason: "\(failure)"])
        } else {
            logger.info("the log's file is open anew", metadata: [LogKeys.path: "\(path)"])
        }
    }
}
