import Basics

/// `base64.encode` and `base64.decode`.
extension FunctionLibrary {
    static let encoders: [Function] = [
        Function(
            "base64.encode", [.global([.bytes], .string)],
            .unary { value, frame throws(EvaluationError) in
                guard case .bytes(let bytes) = value else { throw .noOverload("base64.encode", value) }
                try frame.charge(bytes.count / 16)
                return .string(Base64.encode(bytes))
            }),
        Function(
            "base64.decode", [.global([.string], .bytes)],
            .unary { value, frame throws(EvaluationError) in
                guard case .string(let text) = value else { throw .noOverload("base64.decode", value) }
                try frame.charge(text.utf8.count / 16)
                guard let bytes = Base64.decodeStrictly(text) else { throw .failed("this is no base64") }
                return .bytes(bytes)
            }),
    ]
}
