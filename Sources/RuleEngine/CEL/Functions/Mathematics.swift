/// The math extension: `math.greatest`, rounding, signs, bits.
extension FunctionLibrary {
    static let mathematics: [Function] = [
        Function(
            "math.greatest", extremes,
            .variadic { (values, frame) throws(EvaluationError) in try extreme("math.greatest", values, .greater, &frame) }),
        Function(
            "math.least", extremes,
            .variadic { (values, frame) throws(EvaluationError) in try extreme("math.least", values, .less, &frame) }),
        rounding("math.ceil") { $0.rounded(.up) },
        rounding("math.floor") { $0.rounded(.down) },
        rounding("math.round") { $0.rounded(.toNearestOrAwayFromZero) },
        rounding("math.trunc") { $0.rounded(.towardZero) },
        rounding("math.sqrt", alsoIntegers: true) { $0.squareRoot() },
        question("math.isNaN") { $0.isNaN },
        question("math.isInf") { $0.isInfinite },
        question("math.isFinite") { $0.isFinite },
        Function("math.abs", numbers, .unary(absolute)),
        Function("math.sign", numbers, .unary(sign)),
    ]

    private static let numericTypes: [CELType] = [.int, .uint, .double]
    private static let numbers: [Overload] = numericTypes.map { .global([$0], $0) }

    /// The least or greatest of one to eight numbers, or of a list of them. Mixed numbers give the one that wins, so dyn.
    private static let extremes: [Overload] = {
        let lists = (numericTypes + [.dyn]).map { Overload.global([.list($0)], $0) }
        let pairs = numericTypes.flatMap { left in
            numericTypes.map { Overload.global([left, $0], left == $0 ? left : .dyn) }
        }
        let more = (3...8).map { Overload.global(Array(repeating: CELType.dyn, count: $0), .dyn) }
        return numbers + lists + pairs + more
    }()

    private static func extreme(
        _ name: String, _ arguments: [CELValue], _ wins: Comparison, _ frame: inout Frame
    ) throws(EvaluationError) -> CELValue {
        var values = arguments
        if arguments.count == 1, case .list(let list) = arguments[0] {
            guard !list.isEmpty else { throw .failed("\(name) of an empty list") }
            values = list
        }
        try frame.charge(values.count)
        guard var best = values.first, compareNumbers(best, .int(0)) != nil else { throw .noOverload(name, arguments) }
        for value in values.dropFirst() {
            guard let order = compareNumbers(value, best) else { throw .noOverload(name, arguments) }
            if order == wins { best = value }
        }
        return best
    }

    private static func rounding(
        _ name: String, alsoIntegers: Bool = false, _ rounded: @escaping @Sendable (Double) -> Double
    ) -> Function {
        let types: [CELType] = alsoIntegers ? numericTypes : [.double]
        return Function(
            name, types.map { .global([$0], .double) },
            .unary { value, _ throws(EvaluationError) in
                switch value {
                case .double(let double): return .double(rounded(double))
                case .int(let int) where alsoIntegers: return .double(rounded(Double(int)))
                case .uint(let uint) where alsoIntegers: return .double(rounded(Double(uint)))
                default: throw .noOverload(name, value)
                }
            })
    }

    private static func question(_ name: String, _ holds: @escaping @Sendable (Double) -> Bool) -> Function {
        Function(
            name, [.global([.double], .bool)],
            .unary { value, _ throws(EvaluationError) in
                guard case .double(let double) = value else { throw .noOverload(name, value) }
                return .bool(holds(double))
            })
    }

    private static func absolute(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch value {
        case .uint: return value
        case .double(let double): return .double(double.magnitude)
        case .int(let int):
            guard let result = Int(exactly: int.magnitude) else { throw .overflow }
            return .int(result)
        default: throw .noOverload("math.abs", value)
        }
    }

    private static func sign(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch value {
        case .int(let int): return .int(int.signum())
        case .uint(let uint): return .uint(uint == 0 ? 0 : 1)
        case .double(let double): return .double(double.isNaN ? .nan : double > 0 ? 1 : double < 0 ? -1 : 0)
        default: throw .noOverload("math.sign", value)
        }
    }

    // MARK: Bits

    static let bits: [Function] = [
        bitwise("math.bitAnd", { $0 & $1 }),
        bitwise("math.bitOr", { $0 | $1 }),
        bitwise("math.bitXor", { $0 ^ $1 }),
        shift("math.bitShiftLeft") { $0 << $1 },
        shift("math.bitShiftRight") { $0 >> $1 },
        Function(
            "math.bitNot", [.global([.int], .int), .global([.uint], .uint)],
            .unary { value, _ throws(EvaluationError) in
                switch value {
                case .int(let int): return .int(~int)
                case .uint(let uint): return .uint(~uint)
                default: throw .noOverload("math.bitNot", value)
                }
            }),
    ]

    private static func bitwise(_ name: String, _ combined: @escaping @Sendable (UInt, UInt) -> UInt) -> Function {
        let overloads: [Overload] = [.global([.int, .int], .int), .global([.uint, .uint], .uint)]
        return Function(
            name, overloads,
            .binary { left, right, _ throws(EvaluationError) in
                switch (left, right) {
                case (.int(let left), .int(let right)):
                    return .int(Int(bitPattern: combined(UInt(bitPattern: left), UInt(bitPattern: right))))
                case (.uint(let left), .uint(let right)): return .uint(combined(left, right))
                default: throw .noOverload(name, left, right)
                }
            })
    }

    /// Shifts are logical for both types; shifting everything out gives 0.
    private static func shift(_ name: String, _ shifted: @escaping @Sendable (UInt, Int) -> UInt) -> Function {
        let overloads: [Overload] = [.global([.int, .int], .int), .global([.uint, .int], .uint)]
        return Function(
            name, overloads,
            .binary { value, distance, _ throws(EvaluationError) in
                guard case .int(let distance) = distance else { throw .noOverload(name, value, distance) }
                guard distance >= 0 else { throw .failed("\(name) by a negative number") }
                switch value {
                case .int(let int): return .int(distance > 63 ? 0 : Int(bitPattern: shifted(UInt(bitPattern: int), distance)))
                case .uint(let uint): return .uint(distance > 63 ? 0 : shifted(uint, distance))
                default: throw .noOverload(name, value, .int(distance))
                }
            })
    }
}
