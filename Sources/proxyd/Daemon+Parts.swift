import Admin
import Foundation
import ProxyCore

extension Daemon {
    /// What a daemon is made of, from its start until it has stopped.
    struct Parts: Sendable {
        /// What all loops share: keys, accounts, the ledger, metrics, the log.
        let context: ProxyContext
        let reloader: ConfigurationReloader
        let server: ProxyServer
        let cluster: Cluster
        /// Keeps up the link to the other nodes.
        let linking: Task<Void, Never>
        let directory: ModelDirectory
        let alerts: AlertWatch

        /// What sends events, traces, decisions and alerts.
        var deliveries: [any Service] {
            [context.outlets.events, context.outlets.traces, context.outlets.decisions, alerts.outbox]
        }

        /// Lets requests end for as long as the file allows, then sends what is left to tell, and gives back what was leased.
        func shutDown(_ delivering: Task<Void, Never>) async {
            await server.shutDown(gracePeriod: reloader.store.current.configuration.timeouts.drain) {
                await delivering.end(within: .seconds(3))
                context.outlets.close()
                alerts.outbox.close()
                await cluster.limits.stop()
                await linking.end(within: .seconds(1))
            }
        }
    }

    /// The signals that a daemon acts on. Each service has a trap of its own.
    struct Signals: Sendable {
        let hangups: TrappedSignals
        let stops: TrappedSignals
        let rotations: TrappedSignals
        let eventRotations: TrappedSignals
        /// The file that standard output was sent to, as it was at the start; nil where it is none.
        let redirectedLog: LogFile?

        init() async {
            hangups = await TrappedSignals(SIGHUP)
            stops = await TrappedSignals(SIGTERM, SIGINT)
            rotations = await TrappedSignals(SIGUSR1)
            eventRotations = await TrappedSignals(SIGUSR1)
            redirectedLog = LogFile()
        }
    }
}
