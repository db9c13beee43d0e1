import Foundation
import Logging
import ProxyCore

/// Tells the log that a listener's certificate ends soon, or has ended: nobody else looks while all goes well.
struct CertificateWatch: Service {
    let snapshots: SnapshotStore
    let logger: Logger

    func run() async {
        var ends = CertificateEnds()
        while !Task.isCancelled {
            let configuration = snapshots.current.configuration
            let listeners = (configuration.listeners + [configuration.admin?.listener].compactMap { $0 }).filter { $0.tls != nil }
            let figures = listeners.map { listener in
                (digest: listener.tls?.credentials.digest ?? "", notAfter: listener.tls?.credentials.notAfter ?? 0)
            }
            let soon = Int(clamping: configuration.alerts.certificate.components.seconds)
            for (index, change) in ends.look(at: figures, now: Int(Date().timeIntervalSince1970), soon: soon) {
                let until = LogInstant.text(seconds: figures[index].notAfter, in: configuration.timeZone)
                tell(change, listeners[index], until: until)
            }
            guard (try? await Task.sleep(for: .seconds(60))) != nil else { return }
        }
    }

    private func tell(_ change: CertificateEnds.Change, _ listener: Listener, until: String) {
        let metadata: Logger.Metadata = [
            LogKeys.file: "\(listener.tls?.certificate ?? "")",
            LogKeys.until: "\(until)",
        ]
        switch change {
        case .endsSoon: logger.warning("a certificate ends soon", metadata: metadata)
        case .ended: logger.error("a certificate has ended: clients refuse it", metadata: metadata)
        }
    }
}
