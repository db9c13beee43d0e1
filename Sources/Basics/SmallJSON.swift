/// JSON to be written: members keep their order. Small texts only; responses of the data path are not made with it.
public indirect enum SmallJSON: Sendable {
    case object([(String, SmallJSON)])
    case array([SmallJSON])
    case string(String)
    /// A number, `true`, `false` or `null`, as it is written.
    case literal(String)

    public enum Layout: Sendable { case compact, indented }

    public func text(_ layout: Layout = .compact) -> String {
        var result: [UInt8] = []
        write(layout, depth: 0, to: &result)
        return String(decoding: result, as: UTF8.self)
    }

    private func write(_ layout: Layout, depth: Int, to result: inout [UInt8]) {
        switch self {
        case .literal(let text):
            result += text.utf8
        case .string(let text):
            Self.quote(text, to: &result)
        case .array(let items):
            Self.list(items, "[", "]", layout, depth, to: &result) { item, result in
                item.write(layout, depth: depth + 1, to: &result)
            }
        case .object(let members):
            Self.list(members, "{", "}", layout, depth, to: &result) { member, result in
                Self.quote(member.0, to: &result)
                result.append(UInt8(ascii: ":"))
                if layout == .indented { result.append(UInt8(ascii: " ")) }
                member.1.write(layout, depth: depth + 1, to: &result)
            }
        }
    }

    private static func list<Item>(
        _ items: [Item], _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ layout: Layout, _ depth: Int,
        to result: inout [UInt8], write: (Item, inout [UInt8]) -> Void
    ) {
        func newLine(_ depth: Int) {
            result.append(UInt8(ascii: "\n"))
            result.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
        }
        result.append(UInt8(ascii: open))
        for (index, item) in items.enumerated() {
            if index > 0 { result.append(UInt8(ascii: ",")) }
            if layout == .indented { newLine(depth + 1) }
            write(item, &result)
        }
        if layout == .indented, !items.isEmpty { newLine(depth) }
        result.append(UInt8(ascii: close))
    }

    private static func quote(_ text: String, to result: inout [UInt8]) {
        result.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { bytes in
            if bytes.contains(where: isEscaped) {
                for byte in bytes { add(byte, to: &result) }
            } else {
                result.append(contentsOf: bytes)
            }
        }
        result.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 0x7F
    }

    private static func add(_ byte: UInt8, to result: inout [UInt8]) {
        guard isEscaped(byte) else { return result.append(byte) }
        result.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): result.append(byte)
        case UInt8(ascii: "\n"): result.append(UInt8(ascii: "n"))
        case UInt8(ascii: "\t"): result.append(UInt8(ascii: "t"))
        case UInt8(ascii: "\r"): result.append(UInt8(ascii: "r"))
        default:
            result += "u00".utf8
            result += [byte >> 4, byte & 15].map { $0 < 10 ? UInt8(ascii: "0") + $0 : UInt8(ascii: "a") + $0 - 10 }
        }
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
