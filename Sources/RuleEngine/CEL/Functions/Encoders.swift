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
                guard let bytes = Base64.decode(text) else { throw .failed("this is no base64") }
                return .bytes(bytes)
            }),
    ]
}

/// RFC 4648, section 4.
private enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
            for index in 0..<4 {
                let digit = alphabet[Int(bits >> (18 - 6 * UInt32(index)) & 63)]
                text.append(index <= group.count ? digit : ascii("="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// nil when it is none. Padding may be left out.
    static func decode(_ text: String) -> [UInt8]? {
        var digits = Array(text.utf8)
        let padding = digits.reversed().prefix { $0 == ascii("=") }.count
        guard padding == 0 || (padding <= 2 && digits.count % 4 == 0) else { return nil }
        digits.removeLast(padding)
        guard digits.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        var (bits, count) = (UInt32(0), 0)
        for digit in digits {
            guard let value = alphabet.firstIndex(of: digit) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
        return bytes
    }
}
