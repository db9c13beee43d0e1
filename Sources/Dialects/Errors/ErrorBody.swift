import Basics

/// Error bodies and in-stream errors in the exact shape each client format has (conversion.md 7.1, 6.7).
public enum ErrorBody {
    /// The JSON body of an error response.
    /// - Parameters:
    ///   - status: the HTTP status it goes out with, where it is not the class's own (only Gemini's body repeats it).
    ///   - code: OpenAI's `code`, where it is not the class's own.
    ///   - type: OpenAI's `type`, where it is not the class's own.
    ///   - param: the request field at fault, by its path in the client's own format.
    ///   - details: what Anthropic's and Gemini's bodies say beside the message.
    ///   - requestID: shown to Anthropic clients as `request_id`.
    public static func bytes(
        _ errorClass: ErrorClass, status: Int? = nil, message: String, code: String? = nil, type: String? = nil,
        param: String? = nil, details: JSONValue? = nil, requestID: String? = nil, dialect: ClientDialect
    ) -> [UInt8] {
        var out: [UInt8] = []
        switch dialect {
        case .anthropic:
            appendAnthropic(errorClass, message, details, &out)
            if let requestID {
                out.append(",\"request_id\":")
                out.append(jsonString: requestID)
            }
            out.append(0x7D)
        case .openai, .responses:
            appendOpenAI(errorClass, message, code ?? errorClass.openAICode, param, type: type, &out)
        case .gemini:
            out.append("{\"error\":{\"code\":")
            out.append(decimal: status ?? errorClass.status(for: .gemini))
            out.append(",\"message\":")
            out.append(jsonString: errorClass.shown(message, to: .gemini))
            out.append(",\"status\":\"")
            // Google's 503 has one name, whatever is the matter.
            out.append(status == 503 ? "UNAVAILABLE" : errorClass.geminiStatus)
            out.append(0x22)
            if let details {
                out.append(",\"details\":")
                details.write(to: &out)
            }
            out.append("}}")
        }
        return out
    }

    /// Whether a body is an error as clients of `dialect` read it: a whole JSON document with a message where they look for it, and
    /// nothing of a response beside it.
    /// - Parameter isList: the client waits for an array of chunks (Gemini).
    public static func hasShape(_ body: UnsafeRawBufferPointer, of dialect: ClientDialect, isList: Bool = false) -> Bool {
        guard (try? JSONScan.validate(body)) != nil, String(validating: body, as: UTF8.self) != nil else { return false }
        var shown = body
        var cursor = JSONCursor(body)
        if isList {
            guard (try? cursor.open(.array)) != nil, let first = (try? cursor.nextElement()) ?? nil else { return false }
            shown = body.slice(first.value)
        }
        guard let error = JSONScan.find("error", of: shown), error.kind == .object,
            let message = JSONScan.find("message", of: shown, in: error.value), message.kind == .string
        else { return false }
        for member in ["choices", "output", "candidates", "content"] as [StaticString] {
            guard JSONScan.find(member, of: shown) == nil else { return false }
        }
        switch dialect {
        case .anthropic: return shown.inner(of: "type").equals("error")
        case .gemini:
            guard let code = JSONScan.find("code", of: shown, in: error.value) else { return false }
            return code.kind == .number && !shown.inner(of: "status", in: error.value).isEmpty
        case .openai, .responses: return true
        }
    }

    /// An error as the last event of a stream whose head has gone out. Nothing may follow it.
    ///
    /// A Responses client gets a `response.failed` with a response of its own; a converter that has shown one keeps its identity
    /// and counts by writing the event itself.
    /// - Parameter sequence: the number that follows those of the events before it.
    public static func streamEvent(
        _ errorClass: ErrorClass, message: String, code: String? = nil, requestID: String? = nil, dialect: ClientDialect,
        sequence: Int = 0
    ) -> [UInt8] {
        var out: [UInt8] = []
        switch dialect {
        case .anthropic:
            SSEWriter.begin("error", into: &out)
            appendAnthropic(errorClass, message, nil, &out)
            out.append(0x7D)
        case .openai:
            SSEWriter.begin(into: &out)
            appendOpenAI(errorClass, message, code ?? errorClass.openAICode, nil, &out)
        case .responses:
            SSEWriter.begin("response.failed", into: &out)
            out.append("{\"type\":\"response.failed\",\"sequence_number\":")
            out.append(decimal: sequence)
            out.append(",\"response\":{\"id\":")
            out.append(jsonString: "resp_" + SHA256.hex(requestID ?? "", 32))
            out.append(",\"object\":\"response\",\"status\":\"failed\",\"error\":{\"code\":")
            out.append(jsonString: code ?? errorClass.responsesCode)
            out.append(",\"message\":")
            out.append(jsonString: errorClass.shown(message, to: .responses))
            out.append("},\"incomplete_details\":null,\"output\":[],\"usage\":null}}")
        case .gemini:
            SSEWriter.begin(into: &out)
            out.append(contentsOf: bytes(errorClass, message: message, dialect: .gemini))
        }
        SSEWriter.end(into: &out)
        return out
    }

    private static func appendAnthropic(
        _ errorClass: ErrorClass, _ message: String, _ details: JSONValue?, _ out: inout [UInt8]
    ) {
        out.append("{\"type\":\"error\",\"error\":{\"type\":\"")
        out.append(errorClass.anthropicType)
        out.append("\",\"message\":")
        out.append(jsonString: errorClass.shown(message, to: .anthropic))
        if let details {
            out.append(",\"details\":")
            details.write(to: &out)
        }
        out.append(0x7D)
    }

    /// Google's way to say how long to wait.
    public static func retryInfo(seconds: Int) -> JSONValue {
        [["@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": .string("\(seconds)s")]]
    }

    private static func appendOpenAI(
        _ errorClass: ErrorClass, _ message: String, _ code: String?, _ param: String?, type: String? = nil,
        _ out: inout [UInt8]
    ) {
        out.append("{\"error\":{\"message\":")
        out.append(jsonString: errorClass.shown(message, to: .openai))
        out.append(",\"type\":\"")
        if let type { out.append(contentsOf: type.utf8) } else { out.append(errorClass.openAIType) }
        out.append("\",\"param\":")
        if let param { out.append(jsonString: param) } else { out.append("null") }
        out.append(",\"code\":")
        if let code { out.append(jsonString: code) } else { out.append("null") }
        out.append("}}")
    }
}
