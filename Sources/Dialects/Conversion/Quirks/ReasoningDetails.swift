/// `reasoning_details` of a response, put together from the pieces of its stream, to be sent back as they came.
struct ReasoningDetails: Sendable {
    private var elements: [JSONObject] = []
    private var size = 0
    /// Bytes that are kept of a response; of more, nothing is: half of them would be worth nothing.
    private static let most = 1 << 20

    /// The whole array as JSON; nil when nothing came.
    var text: String? {
        elements.isEmpty || size > Self.most ? nil : JSONValue.array(elements.map { .object($0) }).text
    }

    mutating func add(_ json: UnsafeRawBufferPointer) {
        size &+= json.count
        guard size <= Self.most, let list = (try? JSONValue(parsing: json))?.array else {
            elements = []
            return
        }
        for case .object(let element) in list { add(element) }
    }

    /// A piece of the element that came last goes on with its text; everything else is an element of its own.
    private mutating func add(_ element: JSONObject) {
        guard let last = elements.indices.last, elements[last]["type"] == element["type"],
            elements[last]["index"] == element["index"],
            element["index"] != nil, element["data"] == nil
        else { return elements.append(element) }
        for member in element.members where !member.value.isNull {
            if member.key == "text" || member.key == "summary", let more = member.value.string {
                elements[last][member.key] = .string((elements[last][member.key]?.string ?? "") + more)
            } else {
                elements[last][member.key] = member.value
            }
        }
    }
}
