extension Schema {
    enum EventKeys {
        static let webhook = Key(
            "webhook", .webhook, .none("`file` then"),
            "Address that gets them as POSTs of `application/x-ndjson`, a line for each request.")
        static let file = Key(
            "file", .lineFile, .none("`webhook` then"),
            "File that they are appended to (made with 0600, opened anew at SIGUSR1).")

        static let kind: Kind<Configuration.Events> = .mapping(
            Mapping(webhook, file).demanding(.one([["webhook"], ["file"]]))
        ) { section in
            let webhook = section[webhook]
            let file = section[file]
            if section.has(Self.webhook), let place = section.place(Self.file) {
                section.context.error(place, "'webhook' and 'file' exclude one another")
            } else if !section.has(Self.webhook), !section.has(Self.file), !section.isMisnamed(Self.webhook),
                !section.isMisnamed(Self.file)
            {
                section.context.error(at: section.location, section.path, "'webhook' or 'file' is missing")
            }
            return Configuration.Events(webhook: webhook, file: file)
        }
    }

    enum TelemetryKeys {
        static let otlp = Key(
            "otlp", .located(.url), .required,
            "Base address of an OpenTelemetry collector, `http://127.0.0.1:4318`; `/v1/traces` is appended.")
        static let form = Key(
            "protocol", Kind<OTLPForm>.choice("protocol"), .value("http/json"), "How spans are written.")
        static let sample = Key(
            "sample", .share, .value("100%"),
            "Share of the requests that are traced. Where a client's `traceparent` says whether it is sampled, that holds.")
        static let headers = Key(
            "headers", .entries(.headerValue, naming: "collector-header"), .value("{}"),
            "Further headers of calls to the collector.")
        /// Headers of those calls that proxyd writes.
        static let ownFields = UpstreamKeys.ownFields + ["content-type", "user-agent"]

        static let kind: Kind<Configuration.Telemetry> = .mapping(Mapping(otlp, form, sample, headers)) { section in
            let collector = section[otlp]
            let form = section[form]
            let sample = section[sample]
            let headers = section[headers, or: []]
            if let collector, collector.value.basePath.hasSuffix("/v1/traces") {
                section.context.error(collector, "is the base address: '/v1/traces' is appended to it")
            }
            for header in headers {
                let isOwn = ownFields.contains(header.name.value.lowercased())
                guard isOwn || !UpstreamKeys.isHeaderName(header.name.value) else { continue }
                section.context.error(header.name, "no header can be called that, or proxyd sets it itself")
            }
            guard let collector else { return nil }
            var telemetry = Configuration.Telemetry(collector: collector.value)
            telemetry.form = form ?? telemetry.form
            telemetry.sample = sample ?? telemetry.sample
            telemetry.headers = headers.map { Configuration.Telemetry.Header(name: $0.name.value, value: Secret($0.value)) }
            return telemetry
        }
    }
}

extension Schema.Kind where Value == WebAddress {
    /// An absolute `http` or `https` URL that may hold a secret in its path: it is shown without that.
    static var webhook: Self {
        let parsed = scalar(
            Schema.Scalar(noun: "URL", pattern: Schema.Pattern.web, shown: { WebAddress($0).map { .string("\($0)/…") } })
        ) { text throws(Schema.Problem) in
            _ = try UpstreamURL.parse(text.value, shown: "the URL", .withQuery)
            guard let address = WebAddress(text.value) else { throw Schema.Problem("is not a URL") }
            return address
        }
        return Self(shape: parsed.shape) { node, path, context in
            context.hide(node)
            return parsed.decode(node, path, context)
        }
    }
}
