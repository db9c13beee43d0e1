/// `size`, and joining and splitting lists of text.
extension FunctionLibrary {
    static let collections: [Function] = [
        Function(
            "size",
            [CELType.string, .bytes, .list(.a), .map(.a, .b)].flatMap { [.global([$0], .int), .member([$0], .int)] },
            .unary(size))
    ]

    private static func size(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch value {
        case .string(let text):
            try frame.charge(text.utf8.count / 64)
            return .int(text.scalarCount)
        case .bytes(let bytes): return .int(bytes.count)
        case .list(let list): return .int(list.count)
        case .map(let map): return .int(map.count)
        default: throw .noOverload("size", value)
        }
    }
}

extension String {
    /// Code points; a byte that continues one does not count.
    var scalarCount: Int { utf8.reduce(into: 0) { $0 += $1 & 0xC0 == 0x80 ? 0 : 1 } }
}
