import Dialects
import HTTP1

/// An error that proxyd answers by itself, thrown by the stage that finds it.
struct LocalReply: Error, Equatable {
    var errorClass: ErrorClass
    /// Where it is not the class's own.
    var status: Int?
    var message: String
    var param: String?
    var code: String?
    /// OpenAI's `type`, where it is not the class's own.
    var type: String?
    /// What the file calls the limit that says no, where one does.
    var limit: String?
    var retryAfterSeconds: Int?
    /// Further fields of the response's head.
    var fields: [HeaderLine] = []
    /// Which stage says no, for the log.
    var stage: Outcome.Stage
    /// The rule that says no, where one does: an index into all rules.
    var rule: Int?
    /// Why, for the log, where the class does not say it.
    var reason: Outcome.Reason?

    init(
        _ errorClass: ErrorClass, status: Int? = nil, _ message: String, param: String? = nil, code: String? = nil,
        retryAfterSeconds: Int? = nil, stage: Outcome.Stage, rule: Int? = nil
    ) {
        self.errorClass = errorClass
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retryAfterSeconds = retryAfterSeconds
        self.stage = stage
        self.rule = rule
    }
}

extension LocalReply {
    /// The body of an error as the admin plane writes its own: `{"error":{"type":…,"message":…}}`.
    func operatorsBody(_ status: Int) -> [UInt8] {
        let type =
            switch status {
            case 403: "forbidden"
            case 404: "not_found"
            case 405: "method_not_allowed"
            case 413: "request_too_large"
            case 500: "internal_error"
            case 503: "unavailable"
            default: "bad_request"
            }
        let error = JSONObject([.init(key: "type", value: .string(type)), .init(key: "message", value: .string(message))])
        var bytes: [UInt8] = []
        JSONValue.object(JSONObject([.init(key: "error", value: .object(error))])).write(to: &bytes)
        return bytes
    }
}
