import Basics
import Dialects
import HTTP1

/// Whether a path is what it looks like. Asked once for each new target of a connection.
///
/// Rules, policies and meters go by the path's bytes; an upstream may read them in another way. So a path of the data plane that
/// can be read in two ways is refused, and one that is a known endpoint's but for its spelling is nobody's.
enum DataPath {
    /// Why a path and a method are not served.
    struct Problem: Equatable {
        var errorClass: ErrorClass
        var message: String
        /// What the `Allow` field of a 405 lists.
        var allow: String?
    }

    /// Endpoints with a meaning of their own, and the methods that they take.
    private static let known: [(path: String, methods: String)] = [
        ("/v1/messages", "POST"), ("/v1/messages/count_tokens", "POST"), ("/v1/chat/completions", "POST"),
        ("/v1/completions", "POST"), ("/v1/embeddings", "POST"), ("/v1/responses", "POST"),
        ("/v1/responses/input_tokens", "POST"), ("/v1/messages/batches", "GET, HEAD, POST"), ("/v1/models", "GET, HEAD"),
    ]

    static let methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

    /// Whether the path is under one of the data plane's prefixes.
    static func isOne(_ path: UnsafeRawBufferPointer) -> Bool {
        path.starts(with: "/v1/") || path.starts(with: "/v1beta/") || path.equals("/v1") || path.equals("/v1beta")
            || path.starts(with: "/v1alpha/") || isUpload(path)
    }

    /// Where Gemini's clients bring files.
    static func isUpload(_ path: UnsafeRawBufferPointer) -> Bool { path.starts(with: "/upload/v1") }

    /// Whether Gemini alone has such a path.
    static func isGeminis(_ path: String) -> Bool {
        path.hasPrefix("/v1beta/") || path.hasPrefix("/v1alpha/") || path.hasPrefix("/upload/")
    }

    /// Whether only OpenAI's Responses have such a path: one response, its items, compaction.
    static func isBesideResponses(_ path: String) -> Bool { path.hasPrefix("/v1/responses/") }

    /// Whether it is an endpoint with a meaning of its own.
    static func isKnown(_ path: UnsafeRawBufferPointer) -> Bool { known.contains { path.elementsEqual($0.path.utf8) } }

    /// `path` without query, as sent.
    static func problem(method: HTTPMethod, path: UnsafeRawBufferPointer) -> Problem? {
        switch method {
        case .get, .head, .post, .put, .patch, .delete, .options: break
        case .connect, .trace, .other:
            return Problem(errorClass: .methodNotAllowed, message: "this method is not served", allow: methods)
        }
        // The paths of nearly all requests: nothing in them needs a second look.
        if method == .post, known.contains(where: { $0.methods == "POST" && path.elementsEqual($0.path.utf8) }) { return nil }
        guard isOne(path) else {
            // What becomes one of the data plane's paths for somebody who reads it differently.
            guard path.contains(where: isSuspicious) || holdsDoubledSlash(path), isOneWhenRead(path) else { return nil }
            return Problem(errorClass: .badRequest, message: "the path is written in a way that can be read in two ways")
        }
        if let message = ambiguity(of: path, method) { return Problem(errorClass: .badRequest, message: message) }
        return misspelling(method, path)
    }

    /// The problem of an address in another spelling: what is before the part that is known is a path like any other.
    static func problem(sent path: UnsafeRawBufferPointer, method: HTTPMethod) -> Problem? {
        ambiguity(of: path, method).map { Problem(errorClass: .badRequest, message: $0) }
    }

    private static func isSuspicious(_ byte: UInt8) -> Bool {
        byte == HTTPByte.percent || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: ";") || byte == UInt8(ascii: ".")
    }

    private static func holdsDoubledSlash(_ path: UnsafeRawBufferPointer) -> Bool {
        zip(path, path.dropFirst()).contains { $0 == HTTPByte.slash && $1 == HTTPByte.slash }
    }

    /// Where single models are asked for, in every spelling.
    private static let modelFolders: [StaticString] = [
        "/v1/models/", "/models/", "/openai/models/", "/openai/v1/models/", "/v1beta/openai/models/",
    ]

    private static let geminiFolders: [StaticString] = ["/v1beta/models/", "/v1alpha/models/"]

    /// What in the path can be read in two ways.
    private static func ambiguity(of path: UnsafeRawBufferPointer, _ method: HTTPMethod) -> String? {
        // Ids of models that hold a slash or a blank are asked for with an escaped one, and stay here.
        let asksForModel =
            (method == .get || method == .head) && modelFolders.contains { path.starts(with: $0) }
        let segmentEnd = geminiModelEnd(path)
        var start = 1
        var index = 1
        var holdsMore = false
        while true {
            if index == path.count || path[index] == HTTPByte.slash {
                let segment = UnsafeRawBufferPointer(rebasing: path[start..<index])
                if segment.isEmpty, index < path.count { return "the path holds a doubled slash" }
                if segment.equals(".") || segment.equals("..") { return "the path holds a dot segment" }
                if index == path.count { return holdsMore ? looksLikeAnother(path) : nil }
                start = index + 1
                index += 1
                continue
            }
            switch path[index] {
            case UInt8(ascii: "\\"): return "the path holds a backslash"
            case UInt8(ascii: ";"): return "the path holds path parameters"
            case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "^"), UInt8(ascii: "`"),
                UInt8(ascii: "{"),
                UInt8(ascii: "}"):
                return "the path holds a character that no path may hold as it is"
            case HTTPByte.percent:
                guard let byte = escaped(path, at: index) else { return "the path holds a '%' that begins no escape" }
                if PercentEncoding.isUnreserved(byte) { return "the path holds an escape of a character that needs none" }
                let isInModel = asksForModel || index < segmentEnd
                if byte <= 0x20 || byte == HTTPByte.delete, !(byte == 0x20 && isInModel) {
                    return "the path holds an escaped control character or blank"
                }
                if byte == HTTPByte.slash, !isInModel { return "the path holds an escaped slash" }
                if byte == UInt8(ascii: "\\") { return "the path holds an escaped backslash" }
                if byte == HTTPByte.questionMark || byte == HTTPByte.hash { return "the path holds an escaped '?' or '#'" }
                if byte >= 0x80 { holdsMore = true }
                if byte == UInt8(ascii: ";") { return "the path holds escaped path parameters" }
                if byte == HTTPByte.percent, hexadecimals(path, from: index + 3) { return "the path is escaped twice" }
                index += 3
            default: index += 1
            }
        }
    }

    /// Where the one segment ends in which a Gemini path names its model; 0 where there is none, or where its escapes, read as
    /// slashes, make steps.
    private static func geminiModelEnd(_ path: UnsafeRawBufferPointer) -> Int {
        guard let start = geminiFolders.first(where: { path.starts(with: $0) })?.utf8CodeUnitCount,
            path.contains(HTTPByte.percent)
        else { return 0 }
        let end = path[start...].firstIndex(of: HTTPByte.slash) ?? path.count
        let name = unescaped(Array(path[start..<end]))
        let makesSteps = name.split(separator: HTTPByte.slash, omittingEmptySubsequences: false).contains { piece in
            piece.isEmpty || piece.elementsEqual(".".utf8) || piece.elementsEqual("..".utf8)
        }
        return makesSteps ? 0 : end
    }

    /// Characters beyond ASCII that some reader folds into one of a path's own, or does not see.
    private static func looksLikeAnother(_ path: UnsafeRawBufferPointer) -> String? {
        guard let text = PercentEncoding.decoded(path) else { return "the path holds escapes that are no UTF-8" }
        let isOdd = text.unicodeScalars.contains { scalar in
            switch scalar.value {
            case 0x80...0xA0, 0xAD, 0x200B...0x200F, 0x2024...0x202E, 0x2044, 0x2060...0x206F, 0x2215, 0xFEFF, 0xFF01...0xFF5E,
                0xFFFD:
                true
            default: false
            }
        }
        return isOdd ? "the path holds a character that can be taken for another" : nil
    }

    private static func escaped(_ path: UnsafeRawBufferPointer, at index: Int) -> UInt8? {
        guard index + 2 < path.count, let high = Hex.value(path[index + 1]), let low = Hex.value(path[index + 2]) else {
            return nil
        }
        return high << 4 | low
    }

    private static func hexadecimals(_ path: UnsafeRawBufferPointer, from index: Int) -> Bool {
        index + 1 < path.count && Hex.value(path[index]) != nil && Hex.value(path[index + 1]) != nil
    }

    /// A known endpoint with a wrong method, in other letters, or with a slash behind it.
    private static func misspelling(_ method: HTTPMethod, _ path: UnsafeRawBufferPointer) -> Problem? {
        if let entry = known.first(where: { path.elementsEqual($0.path.utf8) }) {
            guard !entry.methods.split(separator: ", ").contains(Substring(method.text)) else { return nil }
            return notAllowed(entry.methods)
        }
        if GeminiAction(path: path) != nil { return method == .post ? nil : notAllowed("POST") }
        let plain = Array(path.map(ASCII.lowercased))
        let whole = plain.last == HTTPByte.slash ? plain.dropLast() : plain[...]
        // A slash behind the list of models is forgiven: it is answered here.
        let isList = path.equals("/v1/models/")
        if !isList, let entry = known.first(where: { whole.elementsEqual($0.path.utf8) }) {
            return Problem(errorClass: .notFound, message: "there is nothing at this path; the endpoint is \(entry.path)")
        }
        if plain.starts(with: "/v1/v1".utf8), whole.count == 6 || plain[6...].first == HTTPByte.slash {
            let advice = "/v1 stands in it twice: one of them is too many in the client's base URL"
            return Problem(errorClass: .notFound, message: "there is nothing at this path; \(advice)")
        }
        if namesModelElsewhere(method, plain) { return nothingHere }
        if plain.starts(with: "/v1/models/".utf8) {
            let isOwn = path.starts(with: "/v1/models/")
            guard isOwn, !plain.contains(UInt8(ascii: ":")) || method == .get || method == .head || method == .delete else {
                return nothingHere
            }
            if path.count > 11 + 3 * ModelName.maximumBytes {
                return Problem(errorClass: .badRequest, message: "the model's name has more than \(ModelName.maximumBytes) bytes")
            }
        }
        return nil
    }

    private static var nothingHere: Problem { Problem(errorClass: .notFound, message: "there is nothing at this path") }

    /// Whether a path that asks for something names a model (or a deployment, an engine) by itself: rules and policies go by the
    /// body's, the upstream would go by the path's.
    private static func namesModelElsewhere(_ method: HTTPMethod, _ plain: [UInt8]) -> Bool {
        switch method {
        case .get, .head, .delete, .options: return false
        case .post, .put, .patch, .connect, .trace, .other: break
        }
        let segments = plain.split(separator: HTTPByte.slash).dropFirst()
        let naming: [StaticString] = ["engines", "deployments", "models", "tunedmodels", "publishers", "dynamic"]
        let namesOne = segments.dropLast().contains { segment in naming.contains { segment.elementsEqual("\($0)".utf8) } }
        let isAction = segments.last.map { $0.contains(UInt8(ascii: ":")) } ?? false
        return namesOne || (isAction && !plain.starts(with: "/v1beta/".utf8) && !plain.starts(with: "/v1alpha/".utf8))
    }

    private static func notAllowed(_ methods: String) -> Problem {
        Problem(errorClass: .methodNotAllowed, message: "this path is served to \(methods)", allow: methods)
    }

    // MARK: Lenient readings

    private static func isOneWhenRead(_ path: UnsafeRawBufferPointer) -> Bool {
        let plain = asReadLeniently(path)
        if leads(plain[...]) { return true }
        // To some `//host/path` is an address with a host.
        guard path.starts(with: "//"), let end = plain.dropFirst().firstIndex(of: HTTPByte.slash) else { return false }
        return leads(plain[end...])
    }

    /// Whether a plain path is one of the data plane's, in any of the spellings that are taken.
    private static func leads(_ plain: ArraySlice<UInt8>) -> Bool {
        plain.withUnsafeBytes { isOne($0) || PathAlias($0) != nil }
    }

    /// The path as a reader that forgives everything may see it: escapes undone, backslashes turned, parameters, doubled
    /// slashes and steps gone, in lower case. Only to find out what somebody may have meant.
    static func asReadLeniently(_ path: UnsafeRawBufferPointer) -> [UInt8] {
        var bytes = Array(path.prefix(Endpoint.maximumPath))
        for _ in 0..<3 where bytes.contains(HTTPByte.percent) { bytes = unescaped(bytes) }
        let turned = bytes.map { $0 == UInt8(ascii: "\\") ? HTTPByte.slash : ASCII.lowercased($0) }
        var segments: [ArraySlice<UInt8>] = []
        for piece in turned.split(separator: HTTPByte.slash) {
            let segment = piece.prefix { $0 != UInt8(ascii: ";") }
            if segment.elementsEqual("..".utf8) {
                _ = segments.popLast()
            } else if !segment.isEmpty, !segment.elementsEqual(".".utf8) {
                segments.append(segment)
            }
        }
        return segments.reduce(into: []) { $0 += [HTTPByte.slash] + $1 }
    }

    private static func unescaped(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { raw in
            var out: [UInt8] = []
            var index = 0
            while index < raw.count {
                if raw[index] == HTTPByte.percent, let byte = escaped(raw, at: index) {
                    out.append(byte)
                    index += 3
                } else {
                    out.append(raw[index])
                    index += 1
                }
            }
            return out
        }
    }
}
