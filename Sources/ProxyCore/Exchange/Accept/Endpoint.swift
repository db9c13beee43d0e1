import Basics
import Dialects

#if canImport(Glibc)
import Glibc
import HTTP1
#endif

/// What a request's method and path ask for.
enum Endpoint: Equatable {
    /// A model's response, in a format that has a meter and converters: Messages, Chat, Responses, Gemini.
    case generate(ClientDialect)
    /// `POST /v1/messages/count_tokens`, `:countTokens`.
    case countTokens(ClientDialect)
    /// Named in the contract, a body with a model is required: completions, embeddings.
    case named
    /// Any other `/v1/…`, `/v1beta/…`, `/v1alpha/…`, `/upload/…`: passed on as it is.
    case other
    /// Answered by proxyd itself, if at all.
    case local

    /// The longest path that is looked at: no longer one is known.
    static let maximumPath = 8192

    /// `path` without query, as sent; one that `DataPath` has no objection to.
    static func of(method: HTTPMethod, path: UnsafeRawBufferPointer) -> Endpoint {
        guard path.count >= 4, path.count <= maximumPath, path[0] == UInt8(ascii: "/") else { return .local }
        guard path[1] == UInt8(ascii: "v"), path[2] == UInt8(ascii: "1") else {
            return DataPath.isUpload(path) ? .other : .local
        }
        if path.starts(with: "/v1/") {
            if method == .get || method == .head {
                if path.equals("/v1/models") || path.starts(with: "/v1/models/") { return .local }
                return .other
            }
            guard method == .post else { return .other }
            if path.starts(with: "/v1/models/"), let action = geminiAction(path) { return action }
            if path.equals("/v1/messages") { return .generate(.anthropic) }
            if path.equals("/v1/chat/completions") { return .generate(.openai) }
            if path.equals("/v1/responses") { return .generate(.responses) }
            if path.equals("/v1/messages/count_tokens") { return .countTokens(.anthropic) }
            if path.equals("/v1/responses/input_tokens") { return .countTokens(.responses) }
            if path.equals("/v1/completions") || path.equals("/v1/embeddings") { return .named }
            return .other
        }
        guard path.starts(with: "/v1beta/") || path.starts(with: "/v1alpha/") else { return .local }
        if method == .post, let action = geminiAction(path) { return action }
        let isList = path.equals("/v1beta/models") || path.starts(with: "/v1beta/models/")
        // What becomes of a long work is asked for below its model.
        return isList && FormModel.index(of: Array("/operations/".utf8), in: path) == nil ? .local : .other
    }

    /// Gemini's clients may call its stable version, `/v1`, as well.
    private static func geminiAction(_ path: UnsafeRawBufferPointer) -> Endpoint? {
        switch GeminiAction(path: path) {
        case .generate: .generate(.gemini)
        case .countTokens: .countTokens(.gemini)
        case .other: .other
        case nil: nil
        }
    }

    /// Whether a path without a meaning of its own is one of a vendor's API, whose clients read errors in one shape.
    static func hasFormat(_ path: String) -> Bool {
        DataPath.isGeminis(path) || path.hasPrefix("/v1/models/")
            || vendors.contains { folder in
                path.hasPrefix(folder)
                    && (path.utf8.count == folder.utf8.count || path.utf8.dropFirst(folder.utf8.count).first == HTTPByte.slash)
            }
    }

    private static let vendors = [
        "/v1/messages", "/v1/files", "/v1/batches", "/v1/uploads", "/v1/images", "/v1/audio", "/v1/moderations", "/v1/videos",
        "/v1/fine_tuning", "/v1/vector_stores", "/v1/conversations", "/v1/assistants", "/v1/threads", "/v1/containers",
        "/v1/evals", "/v1/realtime", "/v1/organization", "/v1/organizations", "/v1/chat/completions",
    ]

    /// The format in which this client wants its errors.
    static func errorDialect(path: UnsafeRawBufferPointer, saysAnthropicVersion: Bool) -> ClientDialect {
        if path.starts(with: "/v1beta/") || path.starts(with: "/v1alpha/") || DataPath.isUpload(path) { return .gemini }
        if path.starts(with: "/v1/models/") && geminiAction(path) != nil { return .gemini }
        if path.starts(with: "/v1/messages") || saysAnthropicVersion { return .anthropic }
        if path.starts(with: "/v1/responses") { return .responses }
        return .openai
    }
}

/// The parts of `/v1beta/models/{model}:{action}`, or of the same under `/v1` and `/v1alpha`.
struct GeminiPath {
    private static let prefixes = ["/v1beta/models/", "/v1/models/", "/v1alpha/models/"]
    let model: String
    let action: String
    /// What is wrong with the model's name.
    let problem: String?

    init?(_ path: String) {
        guard let prefix = Self.prefixes.first(where: path.hasPrefix), let colon = path.lastIndex(of: ":") else { return nil }
        let start = path.index(path.startIndex, offsetBy: prefix.count)
        guard start < colon, let model = Self.decoded(path[start..<colon]) else { return nil }
        self.model = model
        problem = ModelName.problem(model)
        action = String(path[path.index(after: colon)...])
    }

    /// The name behind its escapes; nil where they are no text.
    private static func decoded(_ text: Substring) -> String? {
        guard text.utf8.contains(HTTPByte.percent) else { return String(text) }
        return Array(text.utf8).withUnsafeBytes { PercentEncoding.decoded($0) }
    }

    var streams: Bool { action == "streamGenerateContent" }
}

extension UnsafeRawBufferPointer {
    func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && starts(with: text)
    }

    func starts(with text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount, let base = baseAddress else { return text.utf8CodeUnitCount == 0 }
        return memcmp(base, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    func ends(with text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard count >= length else { return false }
        return UnsafeRawBufferPointer(rebasing: self[(count - length)...]).starts(with: text)
    }
}
