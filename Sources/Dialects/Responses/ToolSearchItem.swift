/// The search for tools that a Responses client runs itself, for upstreams that know functions alone.
enum ToolSearchItem {
    static let name = "tool_search"

    /// The function that stands for it.
    static func function(_ tool: JSONValue) -> HubTool {
        let schema: JSONValue = [
            "type": "object",
            "properties": [
                "query": ["type": "string", "description": "What the tool is wanted for."],
                "limit": ["type": "integer", "description": "The most tools to load."],
            ],
            "required": ["query"],
        ]
        let words = tool["description"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        return HubTool(
            name: name, description: words ?? "Searches for tools that are not loaded yet, and loads those that match.",
            schema: tool["parameters"].flatMap { $0.object == nil ? nil : $0 } ?? schema)
    }

    /// What the model is told of a search that was run: the tools themselves are declared from then on.
    static func result(_ tools: [HubTool]) -> String {
        guard !tools.isEmpty else { return "No tools were found." }
        let lines = tools.map { tool in tool.description.map { "- \(tool.name): \($0)" } ?? "- \(tool.name)" }
        return "These tools are loaded now and can be called:\n" + lines.joined(separator: "\n")
    }
}

extension HubTool {
    /// Whether it is none that only its own vendor runs: a choice may name it by its type.
    var isOffered: Bool {
        if case .hosted(.other, _) = kind { false } else { true }
    }
}
