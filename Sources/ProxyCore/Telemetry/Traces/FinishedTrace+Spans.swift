import Dialects

/// A traced request as spans: its own, and one for each attempt. Names are those of OpenTelemetry's conventions for generative
/// AI (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/), and `proxyd.…` for what they have none for. No contents.
extension FinishedTrace {
    func write(into spans: inout some SpanWriter & ~Copyable) {
        writeRequest(into: &spans)
        for (index, attempt) in attempts.enumerated() { write(attempt, isLast: index == attempts.count - 1, into: &spans) }
    }

    private func wall(_ time: UInt64) -> UInt64 { UInt64(clamping: Int64(clamping: time) &+ wallAhead) }

    private func writeRequest(into spans: inout some SpanWriter & ~Copyable) {
        spans.begin(
            OTLPSpan(
                trace: context.trace, span: span, parent: context.parent, hasRemoteParent: context.parent != 0,
                state: context.state, action: operation, subject: model == "*" ? "" : model, kind: .server,
                start: wall(began), end: wall(ended)))
        spans.add("gen_ai.operation.name", operation)
        spans.add("gen_ai.provider.name", attempts.last.map { provider($0.upstream) } ?? ProviderName.of(dialect: dialect))
        if model != "*" { spans.add("gen_ai.request.model", model) }
        spans.add("gen_ai.response.model", entry.modelServed)
        spans.add("gen_ai.usage.input_tokens", entry.amounts.inputTokens)
        spans.add("gen_ai.usage.output_tokens", entry.amounts.outputTokens)
        spans.add("gen_ai.conversation.id", session)
        spans.add("http.request.method", method)
        if entry.status > 0 { spans.add("http.response.status_code", entry.status) }
        spans.add("proxyd.request_id", entry.requestID)
        spans.add("proxyd.key", keyName)
        if let labels = entry.labels { write(labels, into: &spans) }
        spans.add("proxyd.attempts", attempts.count)
        spans.add("proxyd.outcome", "\(entry.outcome.party.label)/\(entry.outcome.stage.label)")
        if entry.firstByteMicroseconds >= 0 {
            spans.add("proxyd.first_byte_ms", Double(entry.firstByteMicroseconds) / 1000)
        }
        end(error, of: &spans)
    }

    private func write(_ labels: RouteLabels, into spans: inout some SpanWriter & ~Copyable) {
        spans.add("proxyd.rule", labels.rule)
        spans.add("proxyd.tier", labels.tier)
        spans.add("proxyd.upstream", labels.upstream)
        spans.add("proxyd.account", labels.account)
    }

    private func end(_ error: String?, of spans: inout some SpanWriter & ~Copyable) {
        if let error { spans.add("error.type", error) }
        spans.end(error: error)
    }

    /// Why the request failed, where that was not its client's doing: a 4xx is a right answer.
    private var error: String? {
        if entry.status >= 500 { return entry.reason.isEmpty ? String(entry.status) : entry.reason }
        switch entry.outcome.party {
        case .done, .client: return nil
        case .upstream, .proxy:
            guard entry.status < 400 else { return nil }
            return entry.reason.isEmpty ? "\(entry.outcome.party.label)" : entry.reason
        }
    }

    private func write(_ attempt: AttemptSpan, isLast: Bool, into spans: inout some SpanWriter & ~Copyable) {
        spans.begin(
            OTLPSpan(
                trace: context.trace, span: attempt.span, parent: span, state: context.state, action: "attempt",
                subject: attempt.labels.upstream, kind: .client, start: wall(attempt.began),
                end: wall(max(attempt.ended, attempt.began))))
        spans.add("gen_ai.operation.name", operation)
        spans.add("gen_ai.provider.name", provider(attempt.upstream))
        if attempt.model != "*" { spans.add("gen_ai.request.model", attempt.model) }
        // Whoever serves is the last that is asked.
        if isLast, !entry.modelServed.isEmpty, (1..<400).contains(attempt.status) {
            spans.add("gen_ai.response.model", entry.modelServed)
            spans.add("gen_ai.usage.input_tokens", entry.amounts.inputTokens)
            spans.add("gen_ai.usage.output_tokens", entry.amounts.outputTokens)
        }
        if let url = url(of: attempt.upstream), url.socketPath == nil {
            spans.add("server.address", url.host)
            spans.add("server.port", url.port)
        }
        if attempt.status > 0 { spans.add("http.response.status_code", attempt.status) }
        spans.add("proxyd.key", keyName)
        write(attempt.labels, into: &spans)
        let failed = attempt.status >= 400 ? String(attempt.status) : nil
        end(attempt.error.isEmpty ? failed : attempt.error, of: &spans)
    }

    /// An upstream is dozens of references: only what is asked for is taken out of where it is.
    private func url(of index: Int) -> UpstreamURL? {
        snapshot.configuration.upstreams.indices.contains(index) ? snapshot.configuration.upstreams[index].url : nil
    }

    private func provider(_ index: Int) -> String {
        guard snapshot.configuration.upstreams.indices.contains(index) else { return ProviderName.of(dialect: dialect) }
        return ProviderName.of(
            preset: snapshot.configuration.upstreams[index].preset,
            dialect: snapshot.configuration.upstreams[index].dialect.rawValue)
    }
}

/// `gen_ai.provider.name`: who makes the models, by the conventions' words.
enum ProviderName {
    private static let byPreset = [
        "azure": "azure.ai.openai", "openai-responses": "openai", "gemini": "gcp.gemini", "gemini-openai": "gcp.gemini",
        "mistral": "mistral_ai", "xai": "x_ai", "moonshot": "moonshot_ai", "moonshot-cn": "moonshot_ai",
    ]

    static func of(preset: String?, dialect: String) -> String {
        guard let preset else { return of(dialect: dialect) }
        return byPreset[preset] ?? preset
    }

    /// A server that nobody has a name for is called by what it speaks.
    static func of(dialect: String) -> String {
        switch dialect {
        case "anthropic": "anthropic"
        case "gemini": "gcp.gemini"
        case "azure": "azure.ai.openai"
        default: "openai"
        }
    }
}
