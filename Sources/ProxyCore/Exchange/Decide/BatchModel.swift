import Dialects

/// The model of one request inside a batch (`requests[].params.model`).
struct BatchModel {
    var name: String
    /// Where its JSON string is in the body; empty where the request names none and is of its path's model, or names it beside its
    /// own.
    var range: Range<Int>
    /// What stands before the name in the body: Gemini's `models/`.
    var prefix = ""
    /// The index of the rule that decided on it.
    var rule = -1
    var capture: String?
    /// The model that `name` stands for; nil for itself.
    var alias: String?
    /// Tokens of the request's input, by an estimate; 0 where it is not looked at.
    var input = 0
    /// How much its answer may be; nil where it stands in no request for an answer: it has none of a model.
    var allowance: OutputAllowance?
    /// The request around it, where it stands in `params`, `body` or Gemini's `request`.
    var holder: (place: Range<Int>, kind: RequestForm.Kind)?
    /// Why the batch is refused for it.
    var fault: String?

    init(name: String = "", range: Range<Int> = 0..<0, fault: String? = nil) {
        self.name = name
        self.range = range
        self.fault = fault
    }

    var isNamed: Bool { !range.isEmpty }
}
