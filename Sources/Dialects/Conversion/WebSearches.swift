import Basics

/// A page that a text draws on, and the part of the text that does, in characters.
struct WebCitation: Sendable, Hashable {
    var url: String
    var title: String
    /// Counted from where the passage begins; nil: the passage's beginning, or its end.
    var start: Int?
    var end: Int?

    init(url: String, title: String, start: Int? = nil, end: Int? = nil) {
        self.url = url
        self.title = title
        self.start = start
        self.end = end
    }

    /// A vendor's own citation; nil for one of something that has no address.
    init?(_ value: JSONValue) {
        let inner = value["url_citation"] ?? value
        guard let url = inner["url"]?.string, !url.isEmpty else { return nil }
        self.init(
            url: url, title: inner["title"]?.string ?? "", start: inner["start_index"]?.int, end: inner["end_index"]?.int)
    }

    /// Writes an annotation in the Responses format; Chat has the same inside a member.
    func append(to out: inout [UInt8], nested: Bool = false) {
        out.append("{\"type\":\"url_citation\"")
        if nested { out.append(",\"url_citation\":{") } else { out.append(",") }
        out.append("\"start_index\":")
        out.append(decimal: start ?? 0)
        out.append(",\"end_index\":")
        out.append(decimal: end ?? 0)
        out.append(",\"url\":")
        out.append(jsonString: url)
        out.append(",\"title\":")
        out.append(jsonString: title)
        out.append(nested ? "}}" : "}")
    }

    static func append(_ citations: [WebCitation], to out: inout [UInt8], nested: Bool = false) {
        for (index, citation) in citations.enumerated() {
            if index > 0 { out.append(0x2C) }
            citation.append(to: &out, nested: nested)
        }
    }

    /// The characters of escaped text.
    static func characters(_ text: RawText) -> Int {
        var count = 0
        var index = 0
        while index < text.count {
            let byte = text[index]
            index &+= 1
            if byte & 0xC0 == 0x80 { continue }
            count &+= 1
            guard byte == 0x5C, index < text.count else { continue }
            guard text[index] == UInt8(ascii: "u") else {
                index &+= 1
                continue
            }
            // The second half of a pair is no character of its own: \udc00 to \udfff.
            let isLow =
                index &+ 2 < text.count && text[index &+ 1] | 0x20 == UInt8(ascii: "d")
                && text[index &+ 2] | 0x20 >= UInt8(ascii: "c")
            if isLow { count &-= 1 }
            index = Swift.min(index &+ 5, text.count)
        }
        return count
    }
}

/// The web searches that an upstream ran for a response, and the pages that it found.
struct WebSearches: Sendable {
    /// How many there were.
    private(set) var count = 0
    private(set) var queries: [String] = []
    private(set) var sources: [WebCitation] = []
    private var known: [String: Int] = [:]

    var isEmpty: Bool { count == 0 && sources.isEmpty }

    /// What an Anthropic response counts; pages without a search tell of one.
    var requests: Int { Swift.max(count, sources.isEmpty ? 0 : 1) }

    private static let most = 256

    mutating func searched(_ query: String) {
        guard count < Self.most else { return }
        count += 1
        if !query.isEmpty, !queries.contains(query) { queries.append(query) }
    }

    /// A page is one source, however often it is named; a later name may have the title.
    mutating func found(_ url: String, title: String) {
        guard !url.isEmpty else { return }
        if let index = known[url] {
            if sources[index].title.isEmpty { sources[index].title = title }
            return
        }
        guard sources.count < Self.most else { return }
        known[url] = sources.count
        sources.append(WebCitation(url: url, title: title))
    }
}

/// The blocks in which an Anthropic client reads what was searched and found.
enum MessagesSearch {
    static func id(_ state: ResponseState) -> String { "srvtoolu_" + SHA256.base62(state.seed + "/search", 24) }

    static func input(_ state: ResponseState) -> JSONValue {
        ["query": .string(state.searches.queries.joined(separator: "; "))]
    }

    /// The call as it begins; its input comes behind it in a stream.
    static func append(call state: ResponseState, input: JSONValue, to out: inout [UInt8]) {
        out.append("{\"type\":\"server_tool_use\",\"id\":\"")
        out.append(id(state))
        out.append("\",\"name\":\"web_search\",\"input\":")
        input.write(to: &out)
        out.append(0x7D)
    }

    static func append(result state: ResponseState, to out: inout [UInt8]) {
        out.append("{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"")
        out.append(id(state))
        out.append("\",\"content\":[")
        // Only Anthropic can read a page's content there: our mark says that there is none.
        let envelope = SignatureEnvelope(
            family: state.context.upstream.format.signatures, model: state.context.model, kind: .text, original: ""
        ).encoded
        for (index, source) in state.searches.sources.enumerated() {
            if index > 0 { out.append(0x2C) }
            out.append("{\"type\":\"web_search_result\",\"url\":")
            out.append(jsonString: source.url)
            out.append(",\"title\":")
            out.append(jsonString: source.title.isEmpty ? source.url : source.title)
            out.append(",\"encrypted_content\":")
            out.append(jsonString: envelope)
            out.append(",\"page_age\":null}")
        }
        out.append("]}")
    }
}
