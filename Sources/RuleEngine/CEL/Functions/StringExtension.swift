/// The string extension's functions that make new texts.
extension FunctionLibrary {
    static let moreStrings: [Function] = [
        change("lowerAscii") { ascii($0, from: 0x41, by: 0x20) },
        change("upperAscii") { ascii($0, from: 0x61, by: -0x20) },
        change("trim", trim),
        change("reverse") { String(String.UnicodeScalarView($0.unicodeScalars.reversed())) },
        Function(
            "strings.quote", [.global([.string], .string)],
            .unary { value, frame throws(EvaluationError) in
                guard case .string(let text) = value else { throw .noOverload("strings.quote", value) }
                try frame.charge(text.utf8.count / 16)
                return .string(CELValue.quoted(text))
            }),
        Function(
            "replace", [.member([.string, .string, .string], .string), .member([.string, .string, .string, .int], .string)],
            .variadic(replace)),
        Function(
            "split", [.member([.string, .string], .list(.string)), .member([.string, .string, .int], .list(.string))],
            .variadic(split)),
        Function("join", [.member([.list(.string)], .string), .member([.list(.string), .string], .string)], .variadic(join)),
        Function("format", [.member([.string, .list(.dyn)], .string)], .binary(format)),
    ]

    private static func change(_ name: String, _ changed: @escaping @Sendable (String) -> String) -> Function {
        Function(
            name, [.member([.string], .string)],
            .unary { value, frame throws(EvaluationError) in
                guard case .string(let text) = value else { throw .noOverload(name, value) }
                try frame.charge(text.utf8.count / 16)
                return .string(changed(text))
            })
    }

    /// ASCII letters of one case to the other.
    private static func ascii(_ text: String, from first: UInt8, by distance: Int) -> String {
        String(
            decoding: text.utf8.map { byte in
                byte >= first && byte < first + 26 ? UInt8(truncatingIfNeeded: Int(byte) + distance) : byte
            }, as: UTF8.self)
    }

    private static func trim(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(String.UnicodeScalarView(scalars[first...last]))
    }

    private static func replace(_ arguments: [CELValue], _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        guard (3...4).contains(arguments.count), case .string(let text) = arguments[0], case .string(let old) = arguments[1],
            case .string(let new) = arguments[2]
        else { throw .noOverload("replace", arguments) }
        var limit = Int.max
        if arguments.count == 4 {
            guard case .int(let given) = arguments[3] else { throw .noOverload("replace", arguments) }
            if given >= 0 { limit = given }
        }
        let parts = try pieces(of: text, by: old, limit: limit, isAround: true, &frame)
        let (size, overflow) = parts.count.multipliedReportingOverflow(by: new.utf8.count)
        guard !overflow else { throw .overflow }
        try frame.charge(size / 32)
        return .string(parts.joined(separator: new))
    }

    /// The text cut at each `separator`, at most `limit` times. An empty separator cuts between characters, and with
    /// `isAround` before the first and after the last too.
    private static func pieces(
        of text: String, by separator: String, limit: Int, isAround: Bool, _ frame: inout Frame
    ) throws(EvaluationError) -> [String] {
        try frame.charge((text.utf8.count + separator.utf8.count) / 16)
        if separator.isEmpty {
            try frame.charge(text.utf8.count)
            var parts = (isAround ? [""] : []) + text.unicodeScalars.map { String(Character($0)) } + (isAround ? [""] : [])
            if parts.count - 1 > limit {
                parts[limit...] = [parts[limit...].joined()]
            }
            return parts
        }
        let needle = TextNeedle(Array(separator.utf8))
        let bytes = Array(text.utf8)
        var parts: [String] = []
        var start = 0
        let most = min(limit, Frame.defaultSteps)
        bytes.withUnsafeBufferPointer { bytes in
            while parts.count < most, let found = needle.find(in: bytes, from: start, to: bytes.count) {
                parts.append(String(decoding: bytes[start..<found], as: UTF8.self))
                start = found + needle.bytes.count
            }
        }
        try frame.charge(parts.count + 1)
        parts.append(String(decoding: bytes[start...], as: UTF8.self))
        return parts
    }

    private static func split(_ arguments: [CELValue], _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        guard (2...3).contains(arguments.count), case .string(let text) = arguments[0], case .string(let separator) = arguments[1]
        else { throw .noOverload("split", arguments) }
        var limit = Int.max
        if arguments.count == 3 {
            guard case .int(let given) = arguments[2] else { throw .noOverload("split", arguments) }
            if given == 0 { return .list([]) }
            if given > 0 { limit = given - 1 }
        }
        return .list(try pieces(of: text, by: separator, limit: limit, isAround: false, &frame).map { .string($0) })
    }

    private static func join(_ arguments: [CELValue], _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        guard (1...2).contains(arguments.count), case .list(let list) = arguments[0] else { throw .noOverload("join", arguments) }
        var separator = ""
        if arguments.count == 2 {
            guard case .string(let given) = arguments[1] else { throw .noOverload("join", arguments) }
            separator = given
        }
        var result = ""
        for (index, value) in list.enumerated() {
            guard case .string(let text) = value else { throw .noOverload("join", arguments) }
            try frame.charge(1 + (text.utf8.count + separator.utf8.count) / 32)
            if index > 0 { result += separator }
            result += text
        }
        return .string(result)
    }
}
