/// What an upstream speaks, by the word `proxy.yaml` uses for it, and the format behind the word.
///
/// Two are equal when their words are. The configuration, its schema and its suggestions read the words from `allCases`.
public struct UpstreamDialect: Sendable, Hashable, RawRepresentable, CaseIterable {
    let format: any UpstreamFormat

    init(_ format: some UpstreamFormat) { self.format = format }

    /// The table of all formats: a new one is a row here.
    public static var allCases: [UpstreamDialect] { [.anthropic, .openai, .responses, .gemini, .azure] }

    /// Anthropic Messages.
    public static var anthropic: UpstreamDialect { UpstreamDialect(MessagesUpstream()) }
    /// OpenAI Chat Completions.
    public static var openai: UpstreamDialect { UpstreamDialect(ChatUpstream()) }
    /// OpenAI Responses.
    public static var responses: UpstreamDialect { UpstreamDialect(ResponsesUpstream()) }
    /// Google Gemini.
    public static var gemini: UpstreamDialect { UpstreamDialect(GeminiUpstream()) }
    /// OpenAI's formats behind Azure's addresses.
    public static var azure: UpstreamDialect { UpstreamDialect(AzureUpstream()) }

    public init?(rawValue: String) { self.init(rawValue: rawValue, in: Self.allCases) }

    /// The row of a table that has a word.
    init?(rawValue: String, in table: [UpstreamDialect]) {
        guard let row = table.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = row
    }

    /// The upstream that speaks what a client speaks, and nothing else.
    public init(_ client: ClientDialect) {
        switch client {
        case .anthropic: self = .anthropic
        case .openai: self = .openai
        case .responses: self = .responses
        case .gemini: self = .gemini
        }
    }

    public var rawValue: String { format.label }

    public static func == (left: UpstreamDialect, right: UpstreamDialect) -> Bool { left.rawValue == right.rawValue }

    public func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
}

/// What the proxy asks of an upstream's format. Asked at a reload or once for a request, never for each byte.
extension UpstreamDialect {
    /// The clients' formats whose requests for a response go to it as they are.
    public var native: [ClientDialect] { format.native }

    /// The clients' formats whose questions for a count go to it as they are.
    public var nativeCounts: [ClientDialect] { format.countsTokens ? format.native : [] }

    /// The client's format whose shapes its responses and errors share.
    public var kin: ClientDialect { format.kin }

    /// Whether its targets name the model, so that none serves twice.
    public var namesModelInTarget: Bool { format.namesModelInTarget }

    /// Whether models are asked for under the names of deployments, and addresses may be dated.
    public var hasDeployments: Bool { format.hasDeployments }

    /// Whether every request names a version of Anthropic's API.
    public var wantsAnthropicVersion: Bool { format.wantsAnthropicVersion }

    /// Parameters of a query that are the operator's to write.
    public var operatorParameters: [StaticString] { format.operatorParameters }

    /// Path and query of a client's request that passes as it is; nil where the model cannot stand in a path.
    public func target(passing path: UnsafeRawBufferPointer, model: String?, at place: UpstreamPlace) -> [UInt8]? {
        format.target(passing: path, model: model, at: place)
    }

    /// Path and query of a converted request; nil where the model cannot stand in a path.
    public func target(converted path: String, model: String, at place: UpstreamPlace) -> [UInt8]? {
        format.target(converted: path, model: model, at: place)
    }

    /// Path and query of the list of its models.
    public func modelList(at place: UpstreamPlace) -> String { format.modelList(at: place) }

    /// Writes a credential into the heads of requests.
    public func signer(_ secret: String) -> RequestSigner { format.signer(secret) }

    /// Whether `host` is the format's own vendor.
    public func isFirstParty(host: String) -> Bool { format.isFirstParty(host: host) }

    /// Whether an address with this `api-version` knows `stream_options`.
    public func takesStreamOptions(apiVersion: String?) -> Bool { format.takesStreamOptions(apiVersion: apiVersion) }

    /// The error that a response with `status` (400 or above) is. `header` looks a field of its head up.
    public func error(
        status: Int, body: UnsafeRawBufferPointer, header: (StaticString) -> String? = { _ in nil }
    ) -> UpstreamError {
        format.error(status: status, body: body, header: header)
    }
}
