import Basics

/// A Responses client that goes on from a response by its id alone, where that response is kept here and no vendor knows it
/// (`ResponseMemory`).
public enum KeptHistory {
    /// The request with the whole conversation in its input; nil where it goes on from nothing, or from what is not kept.
    public static func opened(_ body: UnsafeRawBufferPointer, recall: (String) -> [UInt8]?) -> [UInt8]? {
        var members: [JSONMember] = []
        guard let object = try? JSONScan.members(of: body, into: &members),
            let id = previous(body, members), isOurs(id), let kept = recall(id)
        else { return nil }
        var input = Array("[".utf8) + kept
        if let given = members.first(where: { $0.key(equals: "input", in: body) }) {
            let own = self.items(of: given, in: body)
            if !kept.isEmpty, !own.isEmpty { input.append(UInt8(ascii: ",")) }
            input += own
        }
        input.append(UInt8(ascii: "]"))
        var patch = JSONPatch(object: object, members: members)
        patch.remove("previous_response_id", in: body)
        patch.set("input", to: input, in: body)
        return patch.apply(to: body)
    }

    /// - Throws: where a request goes on from a response that is not kept.
    public static func check(_ body: UnsafeRawBufferPointer, recall: (String) -> [UInt8]?) throws(ConversionProblem) {
        var members: [JSONMember] = []
        guard (try? JSONScan.members(of: body, into: &members)) != nil, let id = previous(body, members) else { return }
        guard recall(id) != nil else { throw unknown(id) }
    }

    static func unknown(_ id: String) -> ConversionProblem {
        RequestWork.unsupported(
            field,
            "Previous response with id '\(LossyNote(id, .dropped).param)' not found: this gateway keeps responses of other "
                + "formats for a while, for the key that asked for them, and not with store: false; send the whole input")
    }

    /// The member that names the response.
    public static let field = "previous_response_id"

    /// Whether an id is of the form that proxyd gives responses: vendors' own are longer.
    static func isOurs(_ id: String) -> Bool {
        id.utf8.count == 37 && id.hasPrefix("resp_")
            && id.utf8.dropFirst(5).allSatisfy { ASCII.isDigit($0) || (0x61...0x66).contains($0) }
    }

    private static func previous(_ body: UnsafeRawBufferPointer, _ members: [JSONMember]) -> String? {
        guard let member = members.first(where: { $0.key(equals: "previous_response_id", in: body) }), member.kind == .string
        else { return nil }
        return JSONScan.string(of: body, in: member.value)
    }

    /// The items of an input, comma between them: a plain text is the user's message.
    private static func items(of input: JSONMember, in body: UnsafeRawBufferPointer) -> [UInt8] {
        let value = body.slice(input.value)
        switch input.kind {
        case .string: return Array("{\"role\":\"user\",\"content\":".utf8) + value + [UInt8(ascii: "}")]
        case .array:
            let inner = body.slice(input.value.lowerBound &+ 1..<input.value.upperBound &- 1)
            return inner.allSatisfy { $0 <= 0x20 } ? [] : Array(inner)
        case .null, .true, .false, .number, .object: return []
        }
    }
}
