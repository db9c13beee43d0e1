import Basics

/// Why the body of a successful response is none. It is for responses that a look in passing found wanting, and reads all of
/// them.
public enum ResponseFault {
    /// The error that is in a response's place.
    public static func read(_ body: UnsafeRawBufferPointer, dialect: ClientDialect) -> UpstreamError {
        let body = body.withoutMark
        if let error = error(in: body, dialect: dialect) { return error }
        var cursor = JSONCursor(body)
        cursor.skipSpace()
        if cursor.position >= body.count { return .broken("the upstream's answer is empty") }
        if let kind = try? JSONScan.validate(body) {
            let isOdd = kind == .object && JSONScan.find("choices", of: body) == nil
            if isOdd, let error = odd(body, dialect: dialect) { return error }
            return .emptyResponse(body, dialect, "the upstream's answer is not one of its format")
        }
        return .broken("the upstream's answer is no whole JSON document")
    }

    /// The error that a response says it is; nil for one that says none.
    public static func error(in body: UnsafeRawBufferPointer, dialect: ClientDialect) -> UpstreamError? {
        let body = body.withoutMark
        var cursor = JSONCursor(body)
        guard !cursor.isAt(0x5B) else { return firstError(in: body, dialect) }
        if let error = JSONScan.find("error", of: body), says(error, body) { return event(body, dialect) }
        if body.inner(of: "type").equals("error") { return event(body, dialect) }
        return ended(body, dialect) ?? baseResponse(body)
    }

    private static func baseResponse(_ body: UnsafeRawBufferPointer) -> UpstreamError? {
        guard let base = JSONScan.find("base_resp", of: body), base.kind == .object,
            let code = JSONScan.find("status_code", of: body, in: base.value),
            let number = JSONScan.integer(of: body, in: code.value), number != 0
        else { return nil }
        return minimax(number, JSONText.decode(body.inner(of: "status_msg", in: base.value)))
    }

    /// Codes that are none of an error.
    private static let fine: Set<String> = ["", "0", "200", "ok", "success"]

    /// The error that an event without choices is, in the words of servers that do not call it one; nil for one that says nothing.
    /// (MiniMax' `base_resp`; vLLM's and SGLang's `object: error`; `success: false`; a `code` that is not 0 beside a message.)
    static func odd(_ data: UnsafeRawBufferPointer, dialect: ClientDialect) -> UpstreamError? {
        if let error = baseResponse(data) { return error }
        if data.inner(of: "object").equals("error") || data.inner(of: "type").equals("error") { return event(data, dialect) }
        let hasWords = ["message", "msg", "error_msg", "detail"].contains { (key: StaticString) in !data.inner(of: key).isEmpty }
        guard hasWords else { return nil }
        let saysSo = JSONScan.find("success", of: data)?.kind == .false || data.inner(of: "status").equals("error")
        if saysSo { return event(data, dialect) }
        for key in ["code", "error_code", "errcode", "status_code", "status"] as [StaticString] {
            guard let code = JSONScan.find(key, of: data) else { continue }
            let isOne =
                switch code.kind {
                case .number: ![0, 200].contains(JSONScan.integer(of: data, in: code.value) ?? 0)
                // A status in words says how far it is.
                case .string: key.description != "status" && !fine.contains(JSONText.decode(data.inner(of: key)))
                default: false
                }
            if isOne { return event(data, dialect) }
        }
        // FastAPI's word, and nothing beside it.
        var members: [JSONMember] = []
        let isAlone = (try? JSONScan.members(of: data, into: &members)) != nil && members.count == 1
        return isAlone && !data.inner(of: "detail").isEmpty ? event(data, dialect) : nil
    }

    /// A response that ended with an error, as its format has a word for it.
    private static func ended(_ body: UnsafeRawBufferPointer, _ dialect: ClientDialect) -> UpstreamError? {
        let status = body.inner(of: "status")
        if dialect == .responses, status.equals("failed") || status.equals("cancelled") { return .unexplained }
        guard dialect == .openai, let choices = JSONScan.find("choices", of: body) else { return nil }
        var cursor = JSONCursor(body, in: choices.value)
        guard choices.kind == .array, (try? cursor.open(.array)) != nil, let first = (try? cursor.nextElement()) ?? nil,
            first.kind == .object
        else { return nil }
        let choice = body.slice(first.value)
        if let error = JSONScan.find("error", of: choice), says(error, choice) { return event(choice, dialect) }
        let word = choice.inner(of: "finish_reason")
        guard !word.isEmpty, FinishWords.meaning(of: word) == .failure else { return nil }
        return .ended(by: JSONText.decode(word))
    }

    /// An error that does not say what it is, is the upstream's and not the client's.
    private static func event(_ body: UnsafeRawBufferPointer, _ dialect: ClientDialect) -> UpstreamError {
        var error = UpstreamError.readEvent(body, dialect: dialect)
        if error.errorClass == .internalError, error.type == nil, error.code == nil {
            error.errorClass = .upstreamBroken
            error.status = 502
        }
        return error
    }

    /// Gemini's array of chunks may begin with an error.
    private static func firstError(in body: UnsafeRawBufferPointer, _ dialect: ClientDialect) -> UpstreamError? {
        var cursor = JSONCursor(body)
        guard (try? cursor.open(.array)) != nil, let first = (try? cursor.nextElement()) ?? nil else { return nil }
        let element = body.slice(first.value)
        guard let error = JSONScan.find("error", of: element), says(error, element) else { return nil }
        return event(element, dialect)
    }

    /// Whether the object in `range` has an `error` that says anything.
    static func hasError(_ body: UnsafeRawBufferPointer, in range: Range<Int>) -> Bool {
        JSONScan.find("error", of: body, in: range).map { says($0, body) } ?? false
    }

    /// Whether an `error` member says anything: formats have it as null where there is none, some servers empty.
    private static func says(_ member: JSONMember, _ body: UnsafeRawBufferPointer) -> Bool {
        switch member.kind {
        case .null, .false: false
        case .true: true
        case .number: JSONScan.integer(of: body, in: member.value) != 0
        case .string, .object, .array: member.value.count > 2
        }
    }

    /// MiniMax reports errors in a success (its documentation, "Error codes").
    private static func minimax(_ code: Int, _ words: String) -> UpstreamError {
        var isTooLong = false
        var said = words
        said.withUTF8 { isTooLong = ContextLimit.says(UnsafeRawBufferPointer($0)) }
        let meaning: (errorClass: ErrorClass, status: Int?, subject: RefusalSubject?) =
            switch code {
            case _ where isTooLong: (.contextTooLong, nil, nil)
            case 1002, 1039, 1041, 2045, 2056: (.rateLimit, nil, nil)
            case 1004, 2049: (.authentication, nil, .credential)
            // It would not be over by waiting, as a limit is.
            case 1008: (.billing, nil, .money)
            case 1026, 1027: (.contentPolicy, nil, .content)
            case 2013: (.badRequest, nil, nil)
            default: (.upstreamBroken, 502, nil)
            }
        let message = words.isEmpty ? "the upstream reported error \(code)" : Redaction.redact(words)
        return UpstreamError(
            errorClass: meaning.errorClass, status: meaning.status ?? meaning.errorClass.status(for: .openai), message: message,
            code: String(code), subject: meaning.subject)
    }
}
