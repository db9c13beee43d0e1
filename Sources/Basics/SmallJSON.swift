/// JSON to be written: members keep their order. Small texts only; responses of the data path are not made with it.
public indirect enum SmallJSON {
    case object([(String, SmallJSON)])
    case array([SmallJSON])
    case string(String)
    /// A number, `true`, `false` or `null`, as it is written.
    case literal(String)

    public enum Layout: Sendable { case compact, indented }

    public func text(_ layout: Layout = .compact) -> String {
        var result = ""
        write(layout, depth: 0, to: &result)
        return result
    }

    private func write(_ layout: Layout, depth: Int, to result: inout String) {
        switch self {
        case .literal(let text):
            result += text
        case .string(let text):
            Self.quote(text, to: &result)
        case .array(let items):
            Self.list(items, "[", "]", layout, depth, to: &result) { item, result in
                item.write(layout, depth: depth + 1, to: &result)
            }
        case .object(let members):
            Self.list(members, "{", "}", layout, depth, to: &result) { member, result in
                Self.quote(member.0, to: &result)
                result += layout == .compact ? ":" : ": "
                member.1.write(layout, depth: depth + 1, to: &result)
            }
        }
    }

    private static func list<Item>(
        _ items: [Item], _ open: String, _ close: String, _ layout: Layout, _ depth: Int, to result: inout String,
        write: (Item, inout String) -> Void
    ) {
        result += open
        for (index, item) in items.enumerated() {
            if index > 0 { result += "," }
            if layout == .indented { result += "\n" + String(repeating: "  ", count: depth + 1) }
            write(item, &result)
        }
        if layout == .indented, !items.isEmpty { result += "\n" + String(repeating: "  ", count: depth) }
        result += close
    }

    static func quote(_ text: String, to result: inout String) {
        result += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case "\0"..."\u{1F}", "\u{7F}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        result += "\""
    }

    /// Whether the text is a number by RFC 8259.
    public static func isNumber(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        func digits() -> Int {
            let run = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            rest = rest.dropFirst(run.count)
            return run.count
        }
        if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        let isZero = rest.first == UInt8(ascii: "0")
        let whole = digits()
        guard whole > 0, !isZero || whole == 1 else { return false }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            guard digits() > 0 else { return false }
        }
        if let mark = rest.first, mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { rest = rest.dropFirst() }
            guard digits() > 0 else { return false }
        }
        return rest.isEmpty
    }
}
