import Dialects

/// An answer of proxyd's own that says no.
struct Refusal {
    var errorClass: ErrorClass
    /// Where it is not the class's own.
    var status: Int?
    var message: String
    var param: String?
    var code: String?
    var retryAfterSeconds: Int?
    /// Further lines of the answer's head.
    var headers: [(name: String, value: String)] = []
    /// Which stage said no, for the log.
    var stage: StaticString

    init(
        _ errorClass: ErrorClass, status: Int? = nil, _ message: String, param: String? = nil, code: String? = nil,
        retryAfterSeconds: Int? = nil, stage: StaticString
    ) {
        self.errorClass = errorClass
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retryAfterSeconds = retryAfterSeconds
        self.stage = stage
    }
}
