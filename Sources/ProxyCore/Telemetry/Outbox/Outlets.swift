import Logging
import Synchronization

/// What is told outside of requests, beside the data path: their events and their traces.
public final class Outlets: Sendable {
    public let events: Outbox<RequestEvent>
    public let traces: Outbox<FinishedTrace>
    private let file: Mutex<EventFile?> = Mutex(nil)

    init(metrics: MetricsRegistry, logger: Logger) {
        events = Outbox("events", dropped: metrics.counter(.eventsDropped), logger: logger)
        var limits = OutboxLimits()
        limits.items = 8_192
        limits.batchItems = 256
        traces = Outbox(
            "traces", limits: limits, dropped: metrics.counter(.telemetryDropped), logger: logger, weight: { $0.count })
    }

    /// Who is told from now on, as a configuration says.
    public func apply(_ configuration: Configuration, caller: any OutgoingCaller, version: String) {
        events.send(to: eventSink(configuration, caller))
        traces.send(to: traceSink(configuration, caller, version))
    }

    /// The file of events was moved away.
    public func reopen() {
        file.withLock { $0 }?.reopen()
    }

    private func eventSink(_ configuration: Configuration, _ caller: any OutgoingCaller) -> (any OutboxSink<RequestEvent>)? {
        let zone = configuration.timeZone
        let path = configuration.events?.file
        let file = self.file.withLock { file in
            file = path.map { EventFile(path: $0, zone: zone) }
            return file
        }
        if let file { return file }
        guard let webhook = configuration.events?.webhook else { return nil }
        return WebSink(webhook, headers: [("content-type", "application/x-ndjson")], caller: caller) {
            RequestEvent.lines($0, zone: zone)
        }
    }

    private func traceSink(
        _ configuration: Configuration, _ caller: any OutgoingCaller, _ version: String
    ) -> (any OutboxSink<FinishedTrace>)? {
        guard let telemetry = configuration.telemetry else { return nil }
        let form = telemetry.form
        let headers = [("content-type", form.contentType)] + telemetry.headers.map { ($0.name, $0.value.reveal()) }
        return WebSink(
            WebAddress(telemetry.collector, path: "/v1/traces"), headers: headers, caller: caller,
            refused: { form.refused($0) },
            encode: { form.body($0.flatMap(\.spans), version: version) })
    }
}
