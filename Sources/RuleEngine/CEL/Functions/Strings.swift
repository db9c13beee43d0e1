import Basics

/// String functions of the core language and those of the string extension that look into a text.
extension FunctionLibrary {
    static let strings: [Function] = [
        test("startsWith") { text, part in text.count >= part.count && text.starts(with: part) },
        test("endsWith") { text, part in text.count >= part.count && text[(text.count - part.count)...].elementsEqual(part) },
        test("contains") { text, part in TextNeedle(Array(part)).find(in: text, from: 0, to: text.count) != nil },
        Function("matches", [.member([.string, .string], .bool), .global([.string, .string], .bool)], .binary(matches)),
        Function("charAt", [.member([.string, .int], .string)], .binary(charAt)),
        Function(
            "indexOf", [.member([.string, .string], .int), .member([.string, .string, .int], .int)],
            .variadic { (values, frame) throws(EvaluationError) in try indexOf("indexOf", values, isLast: false, &frame) }),
        Function(
            "lastIndexOf", [.member([.string, .string], .int), .member([.string, .string, .int], .int)],
            .variadic { (values, frame) throws(EvaluationError) in try indexOf("lastIndexOf", values, isLast: true, &frame) }),
        Function(
            "substring", [.member([.string, .int], .string), .member([.string, .int, .int], .string)], .variadic(substring)),
    ]

    typealias Bytes = UnsafeBufferPointer<UInt8>

    /// A question about two texts, answered on their bytes.
    private static func test(_ name: String, _ holds: @escaping @Sendable (Bytes, Bytes) -> Bool) -> Function {
        Function(
            name, [.member([.string, .string], .bool)],
            .binary { text, part, frame throws(EvaluationError) in
                guard case .string(let text) = text, case .string(let part) = part else { throw .noOverload(name, text, part) }
                try frame.charge((text.utf8.count + part.utf8.count) / 64)
                return .bool(withBytes(of: text) { text in withBytes(of: part) { part in holds(text, part) } })
            })
    }

    /// A pattern that was not known when the expression was read.
    private static func matches(_ text: CELValue, _ pattern: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        guard case .string(let text) = text, case .string(let pattern) = pattern else {
            throw .noOverload("matches", text, pattern)
        }
        try frame.charge(pattern.utf8.count)
        let regex: Regex
        do throws(RegexProblem) {
            regex = try Regex(pattern)
        } catch {
            throw .failed("this is no regular expression: \(error.message)")
        }
        try frame.charge(regex.size)
        return .bool(try regex.matches(text, &frame))
    }

    private static func charAt(_ text: CELValue, _ index: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        guard case .string(let text) = text, case .int(let index) = index else { throw .noOverload("charAt", text, index) }
        let scalars = try scalars(text, &frame)
        guard index >= 0, index <= scalars.count else { throw .failed("index out of range: \(index)") }
        return .string(index == scalars.count ? "" : String(Character(scalars[index])))
    }

    private static func substring(_ arguments: [CELValue], _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        guard (2...3).contains(arguments.count), case .string(let text) = arguments[0], case .int(let start) = arguments[1]
        else { throw .noOverload("substring", arguments) }
        let scalars = try scalars(text, &frame)
        var end = scalars.count
        if arguments.count == 3 {
            guard case .int(let given) = arguments[2] else { throw .noOverload("substring", arguments) }
            end = given
        }
        guard start >= 0, start <= end, end <= scalars.count else { throw .failed("index out of range: \(start)…\(end)") }
        return .string(String(String.UnicodeScalarView(scalars[start..<end])))
    }

    private static func indexOf(
        _ name: String, _ arguments: [CELValue], isLast: Bool, _ frame: inout Frame
    ) throws(EvaluationError) -> CELValue {
        guard (2...3).contains(arguments.count), case .string(let text) = arguments[0], case .string(let part) = arguments[1]
        else { throw .noOverload(name, arguments) }
        let hay = try scalars(text, &frame)
        let needle = try scalars(part, &frame)
        var offset = isLast ? hay.count : 0
        if arguments.count == 3 {
            guard case .int(let given) = arguments[2] else { throw .noOverload(name, arguments) }
            guard given >= 0, given <= hay.count else { throw .failed("index out of range: \(given)") }
            offset = given
        }
        guard needle.count <= hay.count else { return .int(-1) }
        let lastStart = hay.count - needle.count
        var places = isLast ? Array((0...min(offset, lastStart)).reversed()) : Array(offset..<max(offset, lastStart + 1))
        if needle.isEmpty { places = [offset] }
        for place in places {
            try frame.charge(1 + needle.count / 64)
            if hay[place..<(place + needle.count)].elementsEqual(needle) { return .int(place) }
        }
        return .int(-1)
    }

    static func scalars(_ text: String, _ frame: inout Frame) throws(EvaluationError) -> [Unicode.Scalar] {
        try frame.charge(text.utf8.count / 16)
        return Array(text.unicodeScalars)
    }
}
