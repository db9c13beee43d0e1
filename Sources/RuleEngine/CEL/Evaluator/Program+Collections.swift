import Basics

/// Fields, elements, and the macros that walk lists and maps.
extension Program {
    // MARK: Fields and elements

    static func select(_ operand: Node, _ field: String, isOptional: Bool) -> Code {
        let base = compile(operand)
        let traced = tracedName(operand, field)
        return { facts, frame throws(EvaluationError) in
            let value: CELValue
            if frame.trace != nil, let traced {
                value = try untraced(base, facts, &frame)
                frame.trace?.note(traced.name, traced.show(value))
            } else {
                value = try base(facts, &frame)
            }
            if isOptional { return try optionally(value) { (value) throws(EvaluationError) in try find(field, in: value) } }
            if case .optional = value {
                return try optionally(value) { (value) throws(EvaluationError) in try find(field, in: value) }
            }
            guard let found = try find(field, in: value) ?? missing(in: value) else { throw .failed("no such key: \(field)") }
            return found
        }
    }

    static func has(_ operand: Node, _ field: String) -> Code {
        let base = compile(operand)
        let traced = tracedName(operand, field)
        return { facts, frame throws(EvaluationError) in
            var value: CELValue
            if frame.trace != nil, let traced {
                value = try untraced(base, facts, &frame)
                frame.trace?.note(traced.name, traced.show(value))
            } else {
                value = try base(facts, &frame)
            }
            while case .optional(let inner) = value {
                guard let inner else { return .bool(false) }
                value = inner
            }
            return .bool(try find(field, in: value) != nil)
        }
    }

    static func index(_ operand: Node, _ key: Node, isOptional: Bool) -> Code {
        if let constant = key.constant, case .string(let field) = constant {
            return select(operand, field, isOptional: isOptional)
        }
        let (base, key) = (compile(operand), compile(key))
        return { facts, frame throws(EvaluationError) in
            let value = try base(facts, &frame)
            let position = try key(facts, &frame)
            try frame.charge(position.weight)
            if isOptional { return try optionally(value) { (value) throws(EvaluationError) in try find(position, in: value) } }
            if case .optional = value {
                return try optionally(value) { (value) throws(EvaluationError) in try find(position, in: value) }
            }
            guard let found = try find(position, in: value) ?? missing(in: value) else {
                if case .list = value { throw .failed("index out of range: \(position.shown)") }
                throw .failed("no such key: \(position.shown)")
            }
            return found
        }
    }

    /// Looks inside an optional, or a plain value; what is not there is none.
    private static func optionally(
        _ value: CELValue, _ find: (CELValue) throws(EvaluationError) -> CELValue?
    ) throws(EvaluationError) -> CELValue {
        guard case .optional(let inner) = value else { return .optional(try find(value)) }
        guard let inner else { return .optional(nil) }
        return .optional(try find(inner))
    }

    private static func missing(in value: CELValue) -> CELValue? {
        if case .map(let map) = value { map.missing.map { .string($0) } } else { nil }
    }

    private static func find(_ field: String, in value: CELValue) throws(EvaluationError) -> CELValue? {
        guard case .map(let map) = value else { throw .failed("\(Article.with(value.typeName)) has no field '\(field)'") }
        return map.value(field)
    }

    private static func find(_ key: CELValue, in value: CELValue) throws(EvaluationError) -> CELValue? {
        switch value {
        case .map(let map):
            switch key {
            case .bool, .int, .uint, .double, .string: return map.value(key)
            default: throw .noOverload("_[_]", value, key)
            }
        case .list(let list):
            let position: Int?
            switch key {
            case .int(let int): position = int
            case .uint(let uint): position = Int(exactly: uint)
            case .double(let double):
                guard let int = Int(exactly: double) else { throw .failed("a list's index is a whole number") }
                position = int
            default: throw .noOverload("_[_]", value, key)
            }
            guard let position, list.indices.contains(position) else { return nil }
            return list[position]
        default:
            throw .noOverload("_[_]", value, key)
        }
    }

    // MARK: Making lists and maps

    static func list(_ elements: [(value: Node, isOptional: Bool)]) -> Code {
        let codes = elements.map { (code: compile($0.value), isOptional: $0.isOptional) }
        return { facts, frame throws(EvaluationError) in
            try frame.charge(codes.count)
            var values: [CELValue] = []
            values.reserveCapacity(codes.count)
            for (code, isOptional) in codes {
                let value = try code(facts, &frame)
                if let taken = try take(value, isOptional: isOptional) { values.append(taken) }
            }
            return .list(values)
        }
    }

    static func map(_ entries: [(key: Node, value: Node, isOptional: Bool)]) -> Code {
        let codes = entries.map { (key: compile($0.key), value: compile($0.value), isOptional: $0.isOptional) }
        return { facts, frame throws(EvaluationError) in
            try frame.charge(codes.count)
            var values: [(key: CELValue, value: CELValue)] = []
            values.reserveCapacity(codes.count)
            for (keyCode, code, isOptional) in codes {
                let key = try keyCode(facts, &frame)
                if case .double = key { throw .failed("a double cannot be a key") }
                try frame.charge(key.weight)
                let value = try code(facts, &frame)
                if let taken = try take(value, isOptional: isOptional) { values.append((key, taken)) }
            }
            guard let map = CELMap(values) else { throw .failed("a key is there twice, or cannot be a key") }
            return .map(map)
        }
    }

    /// What an element adds: nothing when it is an optional that is none.
    private static func take(_ value: CELValue, isOptional: Bool) throws(EvaluationError) -> CELValue? {
        guard isOptional else { return value }
        guard case .optional(let inner) = value else { throw .failed("an optional is expected after '?'") }
        return inner
    }

    static func optionalMap(_ operand: Node, _ slot: Int, _ body: Node, isFlat: Bool) -> Code {
        let (base, body) = (compile(operand), compile(body))
        return { facts, frame throws(EvaluationError) in
            let value = try base(facts, &frame)
            guard case .optional(let inner) = value else { throw .noOverload("optMap", value) }
            guard let inner else { return value }
            frame.locals[slot] = inner
            let result = try body(facts, &frame)
            guard isFlat else { return .optional(result) }
            guard case .optional = result else { throw .noOverload("optFlatMap", result) }
            return result
        }
    }

    // MARK: What an explanation shows of a request's map

    /// `request.headers["x-team"]`: one entry is an input by itself, so that no other is shown.
    private static func tracedName(_ operand: Node, _ field: String) -> TracedEntry? {
        guard case .variable(let variable) = operand, case .map = variable.type else { return nil }
        return TracedEntry(variable: variable.name, field: field)
    }

    private static func untraced(_ code: Code, _ facts: Facts, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        let trace = frame.trace
        frame.trace = nil
        defer { frame.trace = trace }
        return try code(facts, &frame)
    }

    private struct TracedEntry: Sendable {
        let name: String
        private let field: String

        init(variable: String, field: String) {
            name = "\(variable)[\(CELValue.string(field).shown)]"
            self.field = field
        }

        func show(_ value: CELValue) -> String {
            guard case .map(let map) = value, let entry = map.value(field) else { return "absent" }
            return Explanation.isSecret(field) ? "<redacted>" : entry.shown
        }
    }
}
