/// Optional values: `optional.of(x)`, `x.orValue(y)`.
extension FunctionLibrary {
    static let optionals: [Function] = [
        Function("optional.of", [.global([.a], .optional(.a))], .unary { value, _ in .optional(value) }),
        Function(
            "optional.ofNonZeroValue", [.global([.a], .optional(.a))],
            .unary { value, _ in
                .optional(value.isZero ? nil : value)
            }),
        Function(
            "optional.none", [.global([], .optional(.a))],
            .variadic { arguments, _ throws(EvaluationError) in
                guard arguments.isEmpty else { throw .noOverload("optional.none", arguments) }
                return .optional(nil)
            }),
        Function(
            "hasValue", [.member([.optional(.a)], .bool)],
            .unary { value, _ throws(EvaluationError) in
                guard case .optional(let inner) = value else { throw .noOverload("hasValue", value) }
                return .bool(inner != nil)
            }),
        Function(
            "value", [.member([.optional(.a)], .a)],
            .unary { value, _ throws(EvaluationError) in
                guard case .optional(let inner) = value else { throw .noOverload("value", value) }
                guard let inner else { throw .failed("the optional is none") }
                return inner
            }),
        Function(
            "or", [.member([.optional(.a), .optional(.a)], .optional(.a))],
            .binary { value, other, _ throws(EvaluationError) in
                guard case .optional(let inner) = value, case .optional = other else { throw .noOverload("or", value, other) }
                return inner == nil ? other : value
            }),
        Function(
            "orValue", [.member([.optional(.a), .a], .a)],
            .binary { value, other, _ throws(EvaluationError) in
                guard case .optional(let inner) = value else { throw .noOverload("orValue", value, other) }
                return inner ?? other
            }),
        Function("optional.unwrap", [.global([.list(.optional(.a))], .list(.a))], .unary(unwrap)),
        Function("unwrapOpt", [.member([.list(.optional(.a))], .list(.a))], .unary(unwrap)),
        Function(
            "first", [.member([.list(.a)], .optional(.a))],
            .unary { value, _ throws(EvaluationError) in
                guard case .list(let list) = value else { throw .noOverload("first", value) }
                return .optional(list.first)
            }),
        Function(
            "last", [.member([.list(.a)], .optional(.a))],
            .unary { value, _ throws(EvaluationError) in
                guard case .list(let list) = value else { throw .noOverload("last", value) }
                return .optional(list.last)
            }),
    ]

    /// The values of a list of optionals, without those that are none.
    private static func unwrap(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        guard case .list(let list) = value else { throw .noOverload("optional.unwrap", value) }
        try frame.charge(list.count)
        var values: [CELValue] = []
        for element in list {
            guard case .optional(let inner) = element else { throw .noOverload("optional.unwrap", element) }
            if let inner { values.append(inner) }
        }
        return .list(values)
    }
}
