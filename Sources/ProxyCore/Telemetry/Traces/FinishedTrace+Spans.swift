import Dialects

/// A traced request as spans: its own, and one for each attempt. Names are those of OpenTelemetry's conventions for generative
/// AI (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/), and `proxyd.…` for what they have none for. No contents.
extension FinishedTrace {
    var spans: [OTLPSpan] {
        [requestSpan] + attempts.enumerated().map { attemptSpan($1, isLast: $0 == attempts.count - 1) }
    }

    private func wall(_ time: UInt64) -> UInt64 { UInt64(clamping: Int64(clamping: time) &+ wallAhead) }

    private func named(_ what: String, _ model: String) -> String { model.isEmpty || model == "*" ? what : "\(what) \(model)" }

    private var requestSpan: OTLPSpan {
        var span = OTLPSpan(
            trace: context.trace, span: self.span, parent: context.parent, hasRemoteParent: context.parent != 0,
            state: context.state, name: named(operation, model), kind: .server, start: wall(began), end: wall(ended))
        span.attributes.reserveCapacity(20)
        span.add("gen_ai.operation.name", operation)
        span.add("gen_ai.provider.name", attempts.last.map { provider($0.upstream) } ?? ProviderName.of(dialect: dialect))
        if model != "*" { span.add("gen_ai.request.model", model) }
        span.add("gen_ai.response.model", entry.modelServed)
        span.add("gen_ai.usage.input_tokens", entry.amounts.inputTokens)
        span.add("gen_ai.usage.output_tokens", entry.amounts.outputTokens)
        span.add("gen_ai.conversation.id", session)
        span.add("http.request.method", method)
        if entry.status > 0 { span.add("http.response.status_code", entry.status) }
        span.add("proxyd.request_id", entry.requestID)
        span.add("proxyd.key", keyName)
        span.add("proxyd.rule", entry.labels?.rule ?? "")
        span.add("proxyd.tier", entry.labels?.tier ?? "")
        span.add("proxyd.upstream", entry.labels?.upstream ?? "")
        span.add("proxyd.account", entry.labels?.account ?? "")
        span.add("proxyd.attempts", attempts.count)
        span.add("proxyd.outcome", "\(entry.outcome.party.label)/\(entry.outcome.stage.label)")
        if entry.firstByteMicroseconds >= 0 {
            span.attributes.append(("proxyd.first_byte_ms", .number(Double(entry.firstByteMicroseconds) / 1000)))
        }
        span.error = error
        if let error { span.add("error.type", error) }
        return span
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

    private func attemptSpan(_ attempt: AttemptSpan, isLast: Bool) -> OTLPSpan {
        var span = OTLPSpan(
            trace: context.trace, span: attempt.span, parent: self.span, state: context.state,
            name: "attempt \(attempt.labels.upstream)", kind: .client, start: wall(attempt.began),
            end: wall(max(attempt.ended, attempt.began)))
        span.attributes.reserveCapacity(20)
        span.add("gen_ai.operation.name", operation)
        span.add("gen_ai.provider.name", provider(attempt.upstream))
        if attempt.model != "*" { span.add("gen_ai.request.model", attempt.model) }
        // Whoever serves is the last that is asked.
        if isLast, !entry.modelServed.isEmpty, (1..<400).contains(attempt.status) {
            span.add("gen_ai.response.model", entry.modelServed)
            span.add("gen_ai.usage.input_tokens", entry.amounts.inputTokens)
            span.add("gen_ai.usage.output_tokens", entry.amounts.outputTokens)
        }
        if let url = url(of: attempt.upstream), url.socketPath == nil {
            span.add("server.address", url.host)
            span.add("server.port", url.port)
        }
        if attempt.status > 0 { span.add("http.response.status_code", attempt.status) }
        span.add("proxyd.key", keyName)
        span.add("proxyd.upstream", attempt.labels.upstream)
        span.add("proxyd.account", attempt.labels.account)
        span.add("proxyd.rule", attempt.labels.rule)
        span.add("proxyd.tier", attempt.labels.tier)
        if !attempt.error.isEmpty || attempt.status >= 400 {
            let error = attempt.error.isEmpty ? String(attempt.status) : attempt.error
            span.error = error
            span.add("error.type", error)
        }
        return span
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
