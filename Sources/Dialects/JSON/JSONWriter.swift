extension JSONValue {
    /// The value as compact JSON: no white space, members in order, neither `/` nor what is not ASCII escaped.
    public var bytes: [UInt8] {
        var out: [UInt8] = []
        write(to: &out)
        return out
    }

    /// Appends the value as compact JSON. Recursion is bounded by the depth the parser admits.
    public func write(to out: inout [UInt8]) {
        switch self {
        case .null: out.append("null")
        case .bool(true): out.append("true")
        case .bool(false): out.append("false")
        case .number(let text): out.append(text)
        case .string(let text): out.append(jsonString: text)
        case .unpaired(let raw):
            out.append(0x22)
            out.append(contentsOf: raw)
            out.append(0x22)
        case .array(let elements):
            out.append(0x5B)
            for (index, element) in elements.enumerated() {
                if index > 0 { out.append(0x2C) }
                element.write(to: &out)
            }
            out.append(0x5D)
        case .object(let object): object.write(to: &out)
        }
    }

    /// The value as compact JSON text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension JSONObject {
    /// Appends the object as compact JSON.
    public func write(to out: inout [UInt8]) {
        out.append(0x7B)
        for (index, member) in members.enumerated() {
            if index > 0 { out.append(0x2C) }
            out.append(jsonString: member.key)
            out.append(0x3A)
            member.value.write(to: &out)
        }
        out.append(0x7D)
    }
}
