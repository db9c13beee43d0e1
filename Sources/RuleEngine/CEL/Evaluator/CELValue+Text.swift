/// How values are shown in explanations and messages.
extension CELValue {
    /// The value as an expression would write it; long values are cut.
    var shown: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .int(let value): String(value)
        case .uint(let value): "\(value)u"
        case .double(let value): value.description
        case .string(let value): CELValue.quoted(value, limit: 200)
        case .bytes(let value): "\(value.count) bytes"
        case .list(let value): "a list of \(value.count)"
        case .map(let value): "a map of \(value.count)"
        case .timestamp(let value): TimeText.timestamp(value)
        case .duration(let value): TimeText.duration(value)
        case .type(let name): name
        case .optional(let value): value.map { "optional(\($0.shown))" } ?? "none"
        case .ip(let value): value.text
        case .cidr(let value): value.text
        }
    }

    /// The text between double quotes, with escapes for what does not print.
    static func quoted(_ text: String, limit: Int = .max) -> String {
        var result = "\""
        var count = 0
        for scalar in text.unicodeScalars {
            count += 1
            if count > limit {
                result += "…"
                break
            }
            switch scalar {
            case "\u{07}": result += "\\a"
            case "\u{08}": result += "\\b"
            case "\u{0C}": result += "\\f"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0B}": result += "\\v"
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
