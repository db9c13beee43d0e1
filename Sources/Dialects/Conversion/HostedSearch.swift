/// What a client declared of a web search that the vendor runs, whatever its format.
struct HostedSearch {
    var allowedDomains: [JSONValue] = []
    var blockedDomains: [JSONValue] = []
    /// `country`, `city`, `region`, `timezone`.
    var location: JSONObject = [:]
    var contextSize: JSONValue?
    var maxUses: Int?

    init(_ declaration: JSONValue) {
        let filters = declaration["filters"] ?? declaration
        allowedDomains = (filters["allowed_domains"]?.array ?? []).filter { $0.string != nil }
        blockedDomains = (filters["blocked_domains"]?.array ?? []).filter { $0.string != nil }
        // Chat has the place one level deeper.
        let place = declaration["user_location"]
        let fields = place?["approximate"] ?? place
        for key in ["country", "city", "region", "timezone"] {
            if let value = fields?[key], value.string != nil { location.append(key, value) }
        }
        if let size = declaration["search_context_size"], size.string != nil { contextSize = size }
        maxUses = declaration["max_uses"]?.int
    }

    /// The search as the Responses format declares it.
    func responses(_ work: inout RequestWork) throws(ConversionProblem) -> JSONValue {
        var tool: JSONObject = ["type": "web_search"]
        if !allowedDomains.isEmpty { tool.append("filters", ["allowed_domains": .array(allowedDomains)]) }
        if !blockedDomains.isEmpty { try work.note("tools.web_search.blocked_domains", .dropped) }
        if maxUses != nil { try work.note("tools.web_search.max_uses", .dropped) }
        if !location.isEmpty { tool.append("user_location", .object(place)) }
        tool.append("search_context_size", ifPresent: contextSize)
        return .object(tool)
    }

    /// The search as Anthropic declares it.
    func messages(_ work: inout RequestWork) throws(ConversionProblem) -> JSONValue {
        var tool: JSONObject = ["type": "web_search_20250305", "name": "web_search"]
        if !allowedDomains.isEmpty {
            tool.append("allowed_domains", .array(allowedDomains))
            // It takes one of the two.
            if !blockedDomains.isEmpty { try work.note("tools.web_search.blocked_domains", .dropped) }
        } else if !blockedDomains.isEmpty {
            tool.append("blocked_domains", .array(blockedDomains))
        }
        if !location.isEmpty { tool.append("user_location", .object(place)) }
        if contextSize != nil { try work.note("tools.web_search.search_context_size", .dropped) }
        return .object(tool)
    }

    /// The search as Gemini declares it, which takes none of the bounds.
    func gemini(_ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        if !allowedDomains.isEmpty { try work.note("tools.web_search.allowed_domains", .dropped) }
        if !blockedDomains.isEmpty { try work.note("tools.web_search.blocked_domains", .dropped) }
        if !location.isEmpty { try work.note("tools.web_search.user_location", .dropped) }
        if maxUses != nil { try work.note("tools.web_search.max_uses", .dropped) }
        return ["googleSearch": [:]]
    }

    private var place: JSONObject {
        var object: JSONObject = ["type": "approximate"]
        for member in location.members { object.append(member.key, member.value) }
        return object
    }
}
