import Logging
import Synchronization

/// What is told outside of requests, beside the data path: their events, their traces, how they were decided.
public final class Outlets: Sendable {
    public let events: Outbox<RequestEvent>
    public let traces: Outbox<FinishedTrace>
    public let decisions: Outbox<RecordedDecision>
    private let files = Mutex(Files())

    private struct Files {
        var events: LineFile<RequestEvent>?
        var decisions: LineFile<RecordedDecision>?
    }

    init(metrics: MetricsRegistry, logger: Logger) {
        events = Outbox("events", dropped: metrics.counter(.eventsDropped), logger: logger)
        decisions = Outbox("decisions", dropped: metrics.counter(.decisionsDropped), logger: logger)
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
        decisions.send(to: decisionSink(configuration))
    }

    /// The files were moved away.
    public func reopen() {
        files.withLock { files in
            files.events?.reopen()
            files.decisions?.reopen()
        }
    }

    /// The process ends: what nobody has taken by now is lost, and told so.
    public func close() {
        events.close()
        traces.close()
        decisions.close()
    }

    private func decisionSink(_ configuration: Configuration) -> (any OutboxSink<RecordedDecision>)? {
        files.withLock { files in
            files.decisions = configuration.log.decisions.map { path in
                LineFile(path: path) { RecordedDecision.lines($0) }
            }
            return files.decisions
        }
    }

    private func eventSink(_ configuration: Configuration, _ caller: any OutgoingCaller) -> (any OutboxSink<RequestEvent>)? {
        let zone = configuration.timeZone
        let path = configuration.events?.file
        let file = files.withLock { files in
            files.events = path.map { path in LineFile(path: path) { RequestEvent.lines($0, zone: zone) } }
            return files.events
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
            encode: { form.body($0, version: version) })
    }
}
