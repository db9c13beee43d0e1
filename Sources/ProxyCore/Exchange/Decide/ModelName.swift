/// What a model may be called: a name goes into paths, heads, logs and tables, so it is short and holds nothing that ends a line.
enum ModelName {
    static let maximumBytes = 256
    static let tooLong = "the model's name has more than \(maximumBytes) bytes"

    static let missing = "the request names no model: 'model' must be a string that is not empty"

    /// What is wrong with a name that a client gives, in words that do not repeat it; nil when nothing is.
    static func problem(_ name: String) -> String? {
        if name.utf8.count > maximumBytes {
            return tooLong
        }
        for scalar in name.unicodeScalars {
            switch scalar.value {
            case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: return "the model's name holds a control character"
            // What a decoder puts in the place of bytes that are no UTF-8 and of halves of characters.
            case 0xFFFD: return "the model's name is not valid Unicode"
            default: break
            }
        }
        // `*` stands for requests that name no model.
        return name == "*" ? "'*' is no model's name" : nil
    }

    /// What is wrong with a name or a glob that the file has, where it would match or ask for nothing that there is.
    static func blanks(_ name: String) -> String? {
        guard name.first?.isWhitespace == true || name.last?.isWhitespace == true else { return nil }
        return "has white space at its ends, which no model's name has"
    }
}
