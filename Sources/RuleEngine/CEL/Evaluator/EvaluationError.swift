/// Why an expression has no value.
enum EvaluationError: Error, Sendable, Hashable {
    /// An error of the language; `&&` and `||` absorb it when the other side decides.
    case failed(String)
    /// The work allowed is used up. Nothing absorbs it.
    case exhausted

    var message: String {
        switch self {
        case .failed(let message): message
        case .exhausted: "the expression takes more steps than it may"
        }
    }

    static func noOverload(_ name: String, _ arguments: CELValue...) -> EvaluationError {
        noOverload(name, arguments)
    }

    static func noOverload(_ name: String, _ arguments: [CELValue]) -> EvaluationError {
        .failed("no such overload: \(Signature.call(name, arguments.map(\.typeName), isMember: false))")
    }

    static let overflow = EvaluationError.failed("the result is out of range")
    static let divideByZero = EvaluationError.failed("division by zero")
}

/// How a call is shown: operators as operators.
enum Signature {
    static func call(_ name: String, _ types: [String], isMember: Bool) -> String {
        switch (name, types.count) {
        case ("@in", 2): return "\(types[0]) in \(types[1])"
        case ("_[_]", 2): return "\(types[0])[\(types[1])]"
        case ("_?_:_", 3): return "\(types[0]) ? \(types[1]) : \(types[2])"
        case (_, 2) where name.first == "_" && name.last == "_":
            return "\(types[0]) \(name.dropFirst().dropLast()) \(types[1])"
        case (_, 1) where name == "!_" || name == "-_": return "\(name.dropLast())\(types[0])"
        case (_, 1...) where isMember: return "\(types[0]).\(name)(\(types.dropFirst().joined(separator: ", ")))"
        default: return "\(name)(\(types.joined(separator: ", ")))"
        }
    }
}
