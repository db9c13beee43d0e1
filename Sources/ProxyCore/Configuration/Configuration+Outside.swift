/// What is told outside, and to whom.
extension Configuration {
    /// Who gets a line for each request: an address or a file.
    public struct Events: Sendable, Hashable {
        public var webhook: WebAddress?
        public var file: String?

        public init(webhook: WebAddress? = nil, file: String? = nil) {
            self.webhook = webhook
            self.file = file
        }
    }

    /// Who gets traces, over OTLP/HTTP.
    public struct Telemetry: Sendable, Hashable {
        /// Its base; `/v1/traces` is appended.
        public var collector: UpstreamURL
        public var form = Schema.TelemetryKeys.form.byDefault
        /// Share 0–1 of the requests whose client has not decided it.
        public var sample = Schema.TelemetryKeys.sample.byDefault
        public var headers: [Header] = []

        public struct Header: Sendable, Hashable {
            public var name: String
            public var value: Secret
        }

        public init(collector: UpstreamURL) {
            self.collector = collector
        }
    }
}
