/// What a kind of upstream speaks, whole: its word in `proxy.yaml`, requests and responses, errors, addresses, credential.
///
/// A new kind is a value of its own folder, and a row of `UpstreamDialect.allCases`. What most kinds have in common is here, so
/// that a kind says only what it has of its own. Nothing of it is asked for each byte or event: `responseFormat` makes, once for each
/// response, an engine in which the format's reader is a concrete type.
protocol UpstreamFormat: Sendable {
    /// Its word in `proxy.yaml`.
    var label: String { get }
    /// The clients' formats whose requests it takes, and whose responses it gives, as they are.
    var native: [ClientDialect] { get }
    /// The client's format whose shapes its responses and errors share, where it has none of its own.
    var kin: ClientDialect { get }

    // MARK: Requests

    /// The body of a request.
    func write(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> JSONObject
    /// The path under the upstream's address, with its query.
    func path(model: String, isStreaming: Bool) throws(ConversionProblem) -> String
    /// The names of tools it takes.
    var toolNames: ToolNameRules { get }
    /// A client's id of a call as it takes it. A function of `id` alone.
    func toolID(_ id: String) -> String
    /// Whether requests may ask for responses of other kinds than text.
    var takesModalities: Bool { get }
    /// Notes what is known of a model by its name in lower case.
    func learn(_ name: String, isFirstParty: Bool, _ able: inout Capabilities)
    /// Whether the addresses at `host` are those of the format's own vendor, whose fields go beyond what compatible servers know.
    func isFirstParty(host: String) -> Bool

    // MARK: Counting tokens

    /// Whether it counts tokens when asked.
    var countsTokens: Bool { get }
    /// The question that goes with `object`, the body of a request, and its path.
    func question(
        _ object: JSONObject, model: String
    ) throws(ConversionProblem) -> (body: JSONObject, path: String)
    /// The count in its response; nil when there is none.
    func count(in said: UnsafeRawBufferPointer) -> Int?

    // MARK: Responses

    /// Reads its responses.
    var responseFormat: any ResponseFormat { get }
    /// The vendor whose signatures its responses carry.
    var signatures: SignatureEnvelope.Family { get }
    /// Whether the signatures and thoughts on the way to a call are to be remembered for a client that has no field for them.
    func keepsThoughts(for client: ClientDialect) -> Bool
    /// Whether the body of a success is a whole response.
    func isResponse(_ body: UnsafeRawBufferPointer) -> Bool
    /// Why the body of a success is none.
    func fault(in body: UnsafeRawBufferPointer) -> UpstreamError
    /// The error that an event of a stream is.
    func error(event: UnsafeRawBufferPointer) -> UpstreamError
    /// The error that a response with `status` is. `header` looks a field of its head up; AWS names the error in one.
    func error(
        status: Int, body: UnsafeRawBufferPointer, header: (StaticString) -> String?
    ) -> UpstreamError

    // MARK: Addresses and credentials

    /// Whether its targets name the model.
    var namesModelInTarget: Bool { get }
    /// Whether models are asked for under the names of deployments, and addresses may be dated.
    var hasDeployments: Bool { get }
    /// Path and query there of a client's request that passes as it is; nil where the model cannot stand in a path.
    func target(passing path: UnsafeRawBufferPointer, model: String?, at place: UpstreamPlace) -> [UInt8]?
    /// Path and query there of a converted request, whose path `path` said; nil where the model cannot stand in a path.
    func target(converted path: String, model: String, at place: UpstreamPlace) -> [UInt8]?
    /// Path and query there of the list of its models.
    func modelList(at place: UpstreamPlace) -> String
    /// The query that asks for the list in pages as large as there are; empty where it comes whole.
    var modelListQuery: String { get }
    /// Parameters of a query that are the operator's to write: credentials, and the version of dated addresses.
    var operatorParameters: [StaticString] { get }
    /// Writes a credential into the heads of requests.
    func signer(_ secret: String) -> RequestSigner
    /// Whether every request names a version of Anthropic's API.
    var wantsAnthropicVersion: Bool { get }
    /// Whether an address with this `api-version` knows `stream_options`.
    func takesStreamOptions(apiVersion: String?) -> Bool
}

extension UpstreamFormat {
    var native: [ClientDialect] { [] }
    var toolNames: ToolNameRules { ToolNameRules(longest: 64, takesDots: false) }
    func toolID(_ id: String) -> String { id }
    var takesModalities: Bool { false }
    func learn(_ name: String, isFirstParty: Bool, _ able: inout Capabilities) {}
    func isFirstParty(host: String) -> Bool { false }

    var countsTokens: Bool { false }
    func question(
        _ object: JSONObject, model: String
    ) throws(ConversionProblem) -> (body: JSONObject, path: String) {
        throw ConversionProblem(.unsupported, "this upstream does not count tokens")
    }
    func count(in said: UnsafeRawBufferPointer) -> Int? { TokenCounting.integer("input_tokens", in: said) }

    var signatures: SignatureEnvelope.Family { .compat }
    func keepsThoughts(for client: ClientDialect) -> Bool { false }
    func isResponse(_ body: UnsafeRawBufferPointer) -> Bool {
        BodyMeter(body, dialect: kin, promise: .response).keepsPromise
    }
    func fault(in body: UnsafeRawBufferPointer) -> UpstreamError { ResponseFault.read(body, dialect: kin) }
    func error(event: UnsafeRawBufferPointer) -> UpstreamError { UpstreamError.readEvent(event, dialect: kin) }
    func error(
        status: Int, body: UnsafeRawBufferPointer, header: (StaticString) -> String?
    ) -> UpstreamError {
        UpstreamError.read(status: status, body: body)
    }

    var namesModelInTarget: Bool { false }
    var hasDeployments: Bool { false }
    func target(passing path: UnsafeRawBufferPointer, model: String?, at place: UpstreamPlace) -> [UInt8]? {
        place.joined(path, unlessVersion: !place.basePath.isEmpty)
    }
    func target(converted path: String, model: String, at place: UpstreamPlace) -> [UInt8]? {
        var path = path
        return path.withUTF8 { target(passing: UnsafeRawBufferPointer($0), model: nil, at: place) }
    }
    func modelList(at place: UpstreamPlace) -> String {
        let path = Array("/v1/models".utf8)
        let whole = path.withUnsafeBytes { target(passing: $0, model: nil, at: place) } ?? path
        return String(decoding: whole, as: UTF8.self) + modelListQuery
    }
    var modelListQuery: String { "" }
    var operatorParameters: [StaticString] { CredentialParameters.names }
    func signer(_ secret: String) -> RequestSigner { .fixed([CredentialField("authorization", "Bearer " + secret)]) }
    var wantsAnthropicVersion: Bool { false }
    func takesStreamOptions(apiVersion: String?) -> Bool { true }
}

/// Parameters of a query by which some server or other takes a credential: what a client writes there is no upstream's to see.
enum CredentialParameters {
    static let names: [StaticString] = [
        "key", "api_key", "api-key", "apikey", "x-api-key", "x-goog-api-key", "access_token", "oauth_token", "subscription-key",
        "authorization",
    ]
}

/// Which names of tools a format takes, beside ASCII letters, digits, `_` and `-`.
struct ToolNameRules: Sendable, Hashable {
    /// The most bytes that a name may have.
    let longest: Int
    /// `.` and `:` may stand in a name, though not first; nor may a digit or a `-` then.
    let takesDots: Bool
}
