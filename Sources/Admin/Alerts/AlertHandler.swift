import Dialects
import ProxyCore

/// `GET /admin/alerts`: what holds now, the worst first.
struct AlertHandler {
    /// nil where nobody looks.
    let watch: AlertWatch?
    let configuration: Configuration

    func list() -> JSONValue {
        let zone = ZonedTime(zone: configuration.timeZone)
        let entries = watch?.active ?? []
        return [
            "alerts": .array(entries.map { shape($0, zone) }),
            "webhook": .bool(configuration.alerts.webhook != nil),
            "dropped": .int(watch?.dropped ?? 0),
        ]
    }

    private func shape(_ entry: AlertBoard.Entry, _ zone: ZonedTime) -> JSONValue {
        [
            "alert": .string(entry.alert.kind.rawValue), "severity": .string(entry.alert.severity.rawValue),
            "text": .string(entry.alert.text), "since": .string(zone.iso(seconds: entry.since)), "labels": entry.alert.labelShape,
        ]
    }
}
