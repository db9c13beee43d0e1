import Basics

/// Arithmetic, comparison and membership. Nothing overflows or traps: what does not fit is an error.
extension FunctionLibrary {
    static let operators: [Function] = [
        Function(
            "_==_", [.global([.a, .a], .bool)],
            .binary { (left, right, frame) throws(EvaluationError) in .bool(try left.equals(right, &frame)) }),
        Function(
            "_!=_", [.global([.a, .a], .bool)],
            .binary { (left, right, frame) throws(EvaluationError) in .bool(try !left.equals(right, &frame)) }),
        comparison("_<_") { $0 == .less },
        comparison("_<=_") { $0 == .less || $0 == .equal },
        comparison("_>_") { $0 == .greater },
        comparison("_>=_") { $0 == .greater || $0 == .equal },
        Function("@in", [.global([.a, .list(.a)], .bool), .global([.a, .map(.a, .b)], .bool)], .binary(isIn)),
        Function("_+_", additions, .binary(add)),
        Function("_-_", subtractions, .binary(subtract)),
        Function("_*_", arithmetic(of: [.int, .uint, .double]), .binary(multiply)),
        Function("_/_", arithmetic(of: [.int, .uint, .double]), .binary(divide)),
        Function("_%_", arithmetic(of: [.int, .uint]), .binary(remainder)),
        Function("-_", [.global([.int], .int), .global([.double], .double), .global([.duration], .duration)], .unary(negate)),
        Function("!_", [.global([.bool], .bool)], .unary(not)),
    ]

    private static func arithmetic(of types: [CELType]) -> [Overload] { types.map { .global([$0, $0], $0) } }

    private static let additions: [Overload] =
        arithmetic(of: [.int, .uint, .double, .string, .bytes, .duration]) + [
            .global([.list(.a), .list(.a)], .list(.a)), .global([.timestamp, .duration], .timestamp),
            .global([.duration, .timestamp], .timestamp),
        ]

    private static let subtractions: [Overload] =
        arithmetic(of: [.int, .uint, .double, .duration]) + [
            .global([.timestamp, .timestamp], .duration), .global([.timestamp, .duration], .timestamp),
        ]

    // MARK: Comparison

    private static func comparison(_ name: String, _ holds: @escaping @Sendable (Comparison) -> Bool) -> Function {
        let numbers: [CELType] = [.int, .uint, .double]
        let overloads =
            [.bool, .string, .bytes, .timestamp, .duration].map { Overload.global([$0, $0], .bool) }
            + numbers.flatMap { left in numbers.map { .global([left, $0], .bool) } }
        return Function(
            name, overloads,
            .binary { left, right, frame throws(EvaluationError) in
                guard let order = compare(left, right) else { throw .noOverload(name, left, right) }
                try frame.charge(min(left.weight, right.weight))
                return .bool(holds(order))
            })
    }

    private static func compare(_ left: CELValue, _ right: CELValue) -> Comparison? {
        switch (left, right) {
        case (.bool(let left), .bool(let right)): Comparison(left ? 1 : 0, right ? 1 : 0)
        case (.string(let left), .string(let right)): compare(left.utf8, right.utf8)
        case (.bytes(let left), .bytes(let right)): compare(left, right)
        case (.timestamp(let left), .timestamp(let right)):
            left.seconds == right.seconds
                ? Comparison(left.nanoseconds, right.nanoseconds) : Comparison(left.seconds, right.seconds)
        case (.duration(let left), .duration(let right)): Comparison(left, right)
        default: compareNumbers(left, right)
        }
    }

    private static func compare(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Comparison {
        var (left, right) = (left.makeIterator(), right.makeIterator())
        while true {
            switch (left.next(), right.next()) {
            case (nil, nil): return .equal
            case (nil, _): return .less
            case (_, nil): return .greater
            case (let first?, let second?): if first != second { return first < second ? .less : .greater }
            }
        }
    }

    private static func isIn(_ value: CELValue, _ container: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch container {
        case .list(let list):
            try frame.charge(list.count / 8)
            for element in list where try element.equals(value, &frame) { return .bool(true) }
            return .bool(false)
        case .map(let map):
            try frame.charge(value.weight)
            return .bool(map.value(value) != nil)
        default:
            throw .noOverload("@in", value, container)
        }
    }

    private static func not(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        guard case .bool(let bool) = value else { throw .noOverload("!_", value) }
        return .bool(!bool)
    }

    // MARK: Arithmetic

    private static func add(_ left: CELValue, _ right: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch (left, right) {
        case (.int(let left), .int(let right)): return .int(try fitting(left.addingReportingOverflow(right)))
        case (.uint(let left), .uint(let right)): return .uint(try fitting(left.addingReportingOverflow(right)))
        case (.double(let left), .double(let right)): return .double(left + right)
        case (.string(let left), .string(let right)):
            try frame.charge((left.utf8.count + right.utf8.count) / 32)
            return .string(left + right)
        case (.bytes(let left), .bytes(let right)):
            try frame.charge((left.count + right.count) / 32)
            return .bytes(left + right)
        case (.list(let left), .list(let right)):
            try frame.charge(left.count + right.count)
            return .list(left + right)
        case (.duration(let left), .duration(let right)): return .duration(try fitting(left.addingReportingOverflow(right)))
        case (.timestamp(let time), .duration(let span)), (.duration(let span), .timestamp(let time)):
            guard let sum = time.adding(nanoseconds: span) else { throw .overflow }
            return .timestamp(sum)
        default: throw .noOverload("_+_", left, right)
        }
    }

    private static func subtract(_ left: CELValue, _ right: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch (left, right) {
        case (.int(let left), .int(let right)): return .int(try fitting(left.subtractingReportingOverflow(right)))
        case (.uint(let left), .uint(let right)): return .uint(try fitting(left.subtractingReportingOverflow(right)))
        case (.double(let left), .double(let right)): return .double(left - right)
        case (.duration(let left), .duration(let right)): return .duration(try fitting(left.subtractingReportingOverflow(right)))
        case (.timestamp(let left), .timestamp(let right)):
            guard let span = left.nanoseconds(since: right) else { throw .overflow }
            return .duration(span)
        case (.timestamp(let time), .duration(let span)):
            let negated = try fitting((0).subtractingReportingOverflow(span))
            guard let difference = time.adding(nanoseconds: negated) else { throw .overflow }
            return .timestamp(difference)
        default: throw .noOverload("_-_", left, right)
        }
    }

    private static func multiply(_ left: CELValue, _ right: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch (left, right) {
        case (.int(let left), .int(let right)): return .int(try fitting(left.multipliedReportingOverflow(by: right)))
        case (.uint(let left), .uint(let right)): return .uint(try fitting(left.multipliedReportingOverflow(by: right)))
        case (.double(let left), .double(let right)): return .double(left * right)
        default: throw .noOverload("_*_", left, right)
        }
    }

    private static func divide(_ left: CELValue, _ right: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch (left, right) {
        case (.int(_), .int(0)), (.uint(_), .uint(0)): throw .divideByZero
        case (.int(let left), .int(let right)): return .int(try fitting(left.dividedReportingOverflow(by: right)))
        case (.uint(let left), .uint(let right)): return .uint(try fitting(left.dividedReportingOverflow(by: right)))
        case (.double(let left), .double(let right)): return .double(left / right)
        default: throw .noOverload("_/_", left, right)
        }
    }

    private static func remainder(_ left: CELValue, _ right: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch (left, right) {
        case (.int(_), .int(0)), (.uint(_), .uint(0)): throw .divideByZero
        case (.int(let left), .int(let right)): return .int(try fitting(left.remainderReportingOverflow(dividingBy: right)))
        case (.uint(let left), .uint(let right)): return .uint(try fitting(left.remainderReportingOverflow(dividingBy: right)))
        default: throw .noOverload("_%_", left, right)
        }
    }

    private static func negate(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch value {
        case .int(let int): return .int(try fitting((0).subtractingReportingOverflow(int)))
        case .double(let double): return .double(-double)
        case .duration(let span): return .duration(try fitting((0).subtractingReportingOverflow(span)))
        default: throw .noOverload("-_", value)
        }
    }

    static func fitting<T>(_ result: (partialValue: T, overflow: Bool)) throws(EvaluationError) -> T {
        guard !result.overflow else { throw .overflow }
        return result.partialValue
    }
}
