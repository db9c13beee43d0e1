/// Source to tokens. The grammar is the CEL language definition's, "Syntax".
struct Lexer {
    private let bytes: [UInt8]
    private var position = 0

    /// All tokens, the last one is `.end`.
    static func tokens(of source: String) throws(SyntaxProblem) -> [Token] {
        var lexer = Lexer(bytes: Array(source.utf8))
        guard lexer.bytes.count <= SyntaxLimits.source else {
            let span = Span(offset: SyntaxLimits.source, length: lexer.bytes.count - SyntaxLimits.source)
            throw SyntaxProblem(span: span, message: "the expression is longer than \(SyntaxLimits.source) bytes")
        }
        var tokens: [Token] = []
        while true {
            let token = try lexer.next()
            tokens.append(token)
            if token.kind == .end { return tokens }
        }
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func next() throws(SyntaxProblem) -> Token {
        skipSpace()
        let start = position
        guard let byte = peek() else { return Token(kind: .end, span: Span(offset: start, length: 0)) }
        let kind: Token.Kind
        if let literal = try stringLiteral() {
            kind = literal
        } else if byte.isIdentifierStart {
            kind = .identifier(identifier())
        } else if byte.isDigit || (byte == ascii(".") && (peek(1)?.isDigit ?? false)) {
            kind = try number()
        } else if byte == ascii("`") {
            kind = .quotedIdentifier(try quotedIdentifier())
        } else {
            kind = .symbol(try symbol())
        }
        return Token(kind: kind, span: Span(offset: start, length: position - start))
    }

    private func peek(_ ahead: Int = 0) -> UInt8? {
        position + ahead < bytes.count ? bytes[position + ahead] : nil
    }

    private mutating func skipSpace() {
        while let byte = peek() {
            if byte == ascii("/"), peek(1) == ascii("/") {
                while let inside = peek(), inside != ascii("\n") { position += 1 }
            } else if byte == 0x20 || (byte >= 0x09 && byte <= 0x0D && byte != 0x0B) {
                position += 1
            } else {
                return
            }
        }
    }

    private mutating func identifier() -> String {
        let start = position
        while let byte = peek(), byte.isIdentifierStart || byte.isDigit { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func quotedIdentifier() throws(SyntaxProblem) -> String {
        let start = position
        position += 1
        while let byte = peek(), byte.isIdentifierStart || byte.isDigit || "./- ".utf8.contains(byte) { position += 1 }
        guard peek() == ascii("`"), position > start + 1 else { throw problem(from: start, "a name in backticks is not closed") }
        position += 1
        return String(decoding: bytes[(start + 1)..<(position - 1)], as: UTF8.self)
    }

    private mutating func symbol() throws(SyntaxProblem) -> Token.Symbol {
        let start = position
        for length in [2, 1] where position + length <= bytes.count {
            let text = String(decoding: bytes[position..<(position + length)], as: UTF8.self)
            guard let symbol = Token.Symbol(rawValue: text) else { continue }
            position += length
            return symbol
        }
        position += 1
        while let byte = peek(), byte & 0xC0 == 0x80 { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        let hint: String
        switch text {
        case "=": hint = " (equality is '==')"
        case "&": hint = " (and is '&&')"
        case "|": hint = " (or is '||')"
        default: hint = ""
        }
        throw problem(from: start, "'\(text)' is no part of an expression\(hint)")
    }

    private func problem(from start: Int, _ message: String) -> SyntaxProblem {
        SyntaxProblem(span: Span(offset: start, length: max(position - start, 1)), message: message)
    }
}

// MARK: Numbers

extension Lexer {
    private mutating func number() throws(SyntaxProblem) -> Token.Kind {
        let start = position
        if peek() == ascii("0"), peek(1) == ascii("x") || peek(1) == ascii("X") {
            position += 2
            let digits = take { $0.isHexDigit }
            return try integer(digits, radix: 16, from: start)
        }
        var digits = take { $0.isDigit }
        var isDouble = false
        if peek() == ascii("."), peek(1)?.isDigit ?? false {
            isDouble = true
            position += 1
            digits += "." + take { $0.isDigit }
        }
        if let exponent = peek(), exponent == ascii("e") || exponent == ascii("E") {
            let sign = peek(1).flatMap { $0 == ascii("+") || $0 == ascii("-") ? $0 : nil }
            if peek(sign == nil ? 1 : 2)?.isDigit ?? false {
                isDouble = true
                position += sign == nil ? 1 : 2
                digits += (sign == ascii("-") ? "e-" : "e") + take { $0.isDigit }
            }
        }
        guard isDouble else { return try integer(digits, radix: 10, from: start) }
        let text = digits.hasPrefix(".") ? "0" + digits : digits
        guard let value = Double(text), value.isFinite else {
            throw problem(from: start, "this number is too large for a double")
        }
        try endOfNumber(from: start)
        return .double(value)
    }

    private mutating func integer(_ digits: String, radix: Int, from start: Int) throws(SyntaxProblem) -> Token.Kind {
        let isUnsigned = peek() == ascii("u") || peek() == ascii("U")
        if isUnsigned { position += 1 }
        try endOfNumber(from: start)
        guard !digits.isEmpty else { throw problem(from: start, "digits are missing") }
        guard let value = UInt64(digits, radix: radix) else { throw problem(from: start, "this number is too large") }
        return isUnsigned ? .uint(value) : .int(value)
    }

    /// `12abc` is a typing error, not a number and a name.
    private mutating func endOfNumber(from start: Int) throws(SyntaxProblem) {
        guard let byte = peek(), byte.isIdentifierStart || byte.isDigit else { return }
        while let byte = peek(), byte.isIdentifierStart || byte.isDigit { position += 1 }
        throw problem(from: start, "this is no number")
    }

    private mutating func take(while belongs: (UInt8) -> Bool) -> String {
        let start = position
        while let byte = peek(), belongs(byte) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }
}

// MARK: Strings and bytes

extension Lexer {
    /// nil when no string starts here; a prefix of `r` and `b`, in either case and order, belongs to it.
    private mutating func stringLiteral() throws(SyntaxProblem) -> Token.Kind? {
        var isRaw = false
        var isBytes = false
        var ahead = 0
        prefix: while ahead < 2, let byte = peek(ahead) {
            switch byte | 0x20 {
            case ascii("r") where !isRaw: isRaw = true
            case ascii("b") where !isBytes: isBytes = true
            default: break prefix
            }
            ahead += 1
        }
        guard let quote = peek(ahead), quote == ascii("\"") || quote == ascii("'") else { return nil }
        let start = position
        position += ahead
        let isTriple = peek(1) == quote && peek(2) == quote
        let fence = isTriple ? 3 : 1
        position += fence
        let body = try literalBody(quote: quote, fence: fence, isRaw: isRaw, isBytes: isBytes, from: start)
        if isBytes { return .bytes(body) }
        guard let text = String(validating: body, as: UTF8.self) else {
            throw problem(from: start, "this string is not valid UTF-8")
        }
        return .string(text)
    }

    private mutating func literalBody(
        quote: UInt8, fence: Int, isRaw: Bool, isBytes: Bool, from start: Int
    ) throws(SyntaxProblem) -> [UInt8] {
        var body: [UInt8] = []
        while let byte = peek() {
            if byte == quote, fence == 1 || (peek(1) == quote && peek(2) == quote) {
                position += fence
                return body
            }
            if fence == 1, byte == ascii("\n") || byte == ascii("\r") { break }
            position += 1
            if byte != ascii("\\") || isRaw {
                body.append(byte)
            } else {
                try escape(isBytes: isBytes, into: &body)
            }
        }
        throw problem(from: start, isBytes ? "these bytes are not closed" : "this string is not closed")
    }

    /// The backslash is read already.
    private mutating func escape(isBytes: Bool, into body: inout [UInt8]) throws(SyntaxProblem) {
        let start = position - 1
        guard let byte = peek() else { throw problem(from: start, "an escape is cut short") }
        position += 1
        switch byte {
        case ascii("a"): body.append(0x07)
        case ascii("b"): body.append(0x08)
        case ascii("f"): body.append(0x0C)
        case ascii("n"): body.append(0x0A)
        case ascii("r"): body.append(0x0D)
        case ascii("t"): body.append(0x09)
        case ascii("v"): body.append(0x0B)
        case ascii("\\"), ascii("?"), ascii("\""), ascii("'"), ascii("`"): body.append(byte)
        case ascii("x"), ascii("X"): try append(digits(2, radix: 16, from: start), isByte: isBytes, to: &body, from: start)
        case ascii("u") where !isBytes: try append(digits(4, radix: 16, from: start), isByte: false, to: &body, from: start)
        case ascii("U") where !isBytes: try append(digits(8, radix: 16, from: start), isByte: false, to: &body, from: start)
        case ascii("0")...ascii("3"):
            position -= 1
            try append(digits(3, radix: 8, from: start), isByte: isBytes, to: &body, from: start)
        default:
            throw problem(from: start, "this escape is not known; a backslash itself is '\\\\', or use r\"…\"")
        }
    }

    private mutating func digits(_ count: Int, radix: Int, from start: Int) throws(SyntaxProblem) -> UInt32 {
        let text = bytes[position..<min(position + count, bytes.count)]
        guard text.count == count, text.allSatisfy(\.isHexDigit),
            let value = UInt32(String(decoding: text, as: UTF8.self), radix: radix)
        else { throw problem(from: start, "this escape wants \(count) digits") }
        position += count
        return value
    }

    private func append(_ value: UInt32, isByte: Bool, to body: inout [UInt8], from start: Int) throws(SyntaxProblem) {
        if isByte {
            body.append(UInt8(truncatingIfNeeded: value))
        } else if let scalar = Unicode.Scalar(value) {
            body.append(contentsOf: String(Character(scalar)).utf8)
        } else {
            throw problem(from: start, "this escape is no Unicode character")
        }
    }
}

/// The code of one ASCII character.
@inline(__always)
func ascii(_ scalar: Unicode.Scalar) -> UInt8 { UInt8(truncatingIfNeeded: scalar.value) }

extension UInt8 {
    var isDigit: Bool { self >= 0x30 && self <= 0x39 }
    var isHexDigit: Bool { isDigit || (self | 0x20 >= 0x61 && self | 0x20 <= 0x66) }
    var isIdentifierStart: Bool { (self | 0x20 >= 0x61 && self | 0x20 <= 0x7A) || self == 0x5F }
}
