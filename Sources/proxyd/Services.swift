import Admin
import Foundation
import Logging
import ProxyCore

/// What goes on beside the requests, until its task is cancelled.
protocol Service: Sendable {
    func run() async
}

extension [any Service] {
    /// Runs them all, and returns when the last has ended.
    func run() async {
        await withDiscardingTaskGroup { group in
            for service in self { group.addTask { await service.run() } }
        }
    }
}

/// Says that everything runs, and lets go of what only the start needed.
struct Announcing: Service {
    let announce: @Sendable () -> Void

    func run() async {
        announce()
        // The first connections and polls are part of the start.
        guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
        StartPages.release()
    }
}

// What runs by itself until its task is cancelled.
extension QuotaPoller: Service {}
extension ModelPoller: Service {}
extension AlertWatch: Service {}
extension Cluster: Service {}
/// What is left is sent once its task is cancelled.
extension Outbox: Service {}

/// Opens the file of events anew at SIGUSR1.
struct EventRotations: Service {
    let signals: TrappedSignals
    let outlets: Outlets

    func run() async {
        for await _ in signals.arrivals { outlets.reopen() }
    }
}

extension Task<Void, Never> {
    /// Cancels it, and waits for its end, but not for longer than that.
    func end(within longest: Duration) async {
        cancel()
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let waits = [
            Task {
                await value
                end.finish()
            },
            Task {
                try? await Task<Never, Never>.sleep(for: longest)
                end.finish()
            },
        ]
        for await _ in ends {}
        for wait in waits { wait.cancel() }
    }
}

/// Reloads when a file of the configuration was replaced.
struct Watching: Service {
    let reloader: ConfigurationReloader
    let notifier: SystemdNotifier
    let context: ProxyContext
    let logger: Logger

    func run() async {
        let watcher = FileWatcher(inputs: reloader.inputs, logger: logger) {
            await Reloading(reloader: reloader, notifier: notifier, context: context).reload(.file)
        }
        await watcher.run()
    }
}

/// Reloads at SIGHUP.
struct HangupSignals: Service {
    let signals: TrappedSignals
    let reloader: ConfigurationReloader
    let notifier: SystemdNotifier
    let context: ProxyContext

    func run() async {
        for await _ in signals.arrivals {
            await Reloading(reloader: reloader, notifier: notifier, context: context).reload(.signal)
        }
    }
}

/// A reload as systemd is told of it.
struct Reloading: Sendable {
    let reloader: ConfigurationReloader
    let notifier: SystemdNotifier
    let context: ProxyContext

    /// One that has begun comes to its end, also where the process is asked to stop meanwhile.
    func reload(_ trigger: ReloadTrigger) async {
        await Task {
            notifier.reloading()
            let outcome = await reloader.reload(trigger: trigger)
            context.metrics.count(outcome)
            notifier.ready(status: Daemon.status(reloader.status.current, context))
        }.value
    }
}

/// Tells systemd that the event loops turn, as often as it wants to know.
struct Watchdog: Service {
    let server: ProxyServer
    let notifier: SystemdNotifier

    func run() async {
        guard let interval = notifier.watchdogInterval else { return }
        while !Task.isCancelled {
            try? await server.heartbeat()
            notifier.watchdog()
            try? await Task.sleep(for: interval)
        }
    }
}
