import Foundation
import Logging
import ProxyCore
import ServiceLifecycle
import UnixSignals

/// Says that everything runs, and lets go of what only the start needed.
struct Announcing: Service {
    let announce: @Sendable () -> Void

    func run() async throws {
        announce()
        await cancelWhenGracefulShutdown {
            // The first connections and polls are part of the start.
            guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
            StartPages.release()
        }
        try? await gracefulShutdown()
    }
}

/// Polls quotas until the process stops.
struct QuotaPolling: Service {
    let poller: QuotaPoller

    func run() async throws {
        await cancelWhenGracefulShutdown { await poller.run() }
    }
}

/// Reloads when a file of the configuration was replaced.
struct Watching: Service {
    let reloader: ConfigurationReloader
    let notifier: SystemdNotifier
    let context: ProxyContext
    let logger: Logger

    func run() async throws {
        let watcher = FileWatcher(inputs: reloader.inputs, logger: logger) {
            await Reloading(reloader: reloader, notifier: notifier, context: context).reload(.file)
        }
        try await watcher.run()
    }
}

/// Reloads at SIGHUP.
struct HangupSignals: Service {
    let signals: UnixSignalsSequence
    let reloader: ConfigurationReloader
    let notifier: SystemdNotifier
    let context: ProxyContext

    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() {
            await Reloading(reloader: reloader, notifier: notifier, context: context).reload(.signal)
        }
    }
}

/// Opens the log's file anew at SIGUSR1, as logrotate's `postrotate` asks for it.
struct LogRotations: Service {
    let signals: UnixSignalsSequence
    /// nil where the output is no file.
    let file: LogFile?
    let logger: Logger

    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() {
            guard let file else {
                logger.info("the log is not in a file; there is nothing to open anew")
                continue
            }
            if let failure = file.reopen() {
                logger.warning(
                    "the log's file cannot be opened anew", metadata: ["path": "\(file.path)", "reason": "\(failure)"])
            } else {
                logger.info("the log's file is open anew", metadata: ["path": "\(file.path)"])
            }
        }
    }
}

/// A reload as systemd is told of it.
struct Reloading {
    let reloader: ConfigurationReloader
    let notifier: SystemdNotifier
    let context: ProxyContext

    func reload(_ trigger: ReloadTrigger) async {
        notifier.reloading()
        let outcome = await reloader.reload(trigger: trigger)
        switch outcome {
        case .applied: context.metrics.counter(.configReloads, "applied").increment()
        case .unchanged: context.metrics.counter(.configReloads, "unchanged").increment()
        case .failed: context.metrics.counter(.configReloads, "failed").increment()
        }
        notifier.ready(status: Daemon.status(reloader.status.current, context))
    }
}

/// Tells systemd that the event loops turn, as often as it wants to know.
struct Watchdog: Service {
    let server: ProxyServer
    let notifier: SystemdNotifier

    func run() async throws {
        guard let interval = notifier.watchdogInterval else {
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await server.heartbeat()
                notifier.watchdog()
                try? await Task.sleep(for: interval)
            }
        }
    }
}
