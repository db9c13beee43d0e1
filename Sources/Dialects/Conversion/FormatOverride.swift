/// The form of an answer that a rule sets, in each format's own words: `response_format` as a Chat client writes it, or `format` as
/// Anthropic and Responses have it within another member.
struct FormatOverride: Sendable {
    /// Nil for plain text.
    let format: HubFormat?
    private let written: JSONValue

    /// Nil for what is none.
    init?(_ value: JSONValue) {
        switch value["type"]?.string {
        case "text": format = nil
        case "json_object": format = .jsonObject
        case "json_schema":
            let inner = value["json_schema"] ?? value
            guard let schema = inner["schema"] else { return nil }
            format = .schema(
                name: inner["name"]?.string, schema: schema, strict: inner["strict"]?.bool,
                description: inner["description"]?.string)
        default: return nil
        }
        written = value
    }

    /// Where a body of the kind has it; nil where it has no place for it. In a conversion it goes into the internal request instead.
    func settings(in kind: RequestForm.Kind, written name: String) -> [RequestOverrides.Setting]? {
        func setting(_ path: [String], _ value: JSONValue, rival: String? = nil) -> RequestOverrides.Setting {
            RequestOverrides.Setting(path: path, value: value, rival: rival, written: name, isNameless: true)
        }
        switch kind {
        case .messages:
            guard case .schema(_, let schema, _, _) = format else { return nil }
            let isOwn = written["json_schema"] == nil && written["name"] == nil
            let own = isOwn ? written : ["type": "json_schema", "schema": MessagesSchema.cleaned(schema)]
            return [setting(["output_config", "format"], own)]
        case .chat, .completions: return [setting(["response_format"], nested)]
        case .responses: return [setting(["text", "format"], flat)]
        case .gemini:
            guard let format else { return [setting(["generationConfig", "responseMimeType"], "text/plain")] }
            let mime = setting(["generationConfig", "responseMimeType"], "application/json")
            guard case .schema(_, let schema, _, _) = format else { return [mime] }
            let path = ["generationConfig", "responseJsonSchema"]
            return [mime, setting(path, GeminiJSONSchema.fitted(schema), rival: "responseSchema")]
        case .plain, .unread: return nil
        }
    }

    /// The format in Chat's shape.
    private var nested: JSONValue {
        guard written["type"] == "json_schema", written["json_schema"] == nil, var inner = written.object else { return written }
        inner["type"] = nil
        return ["type": "json_schema", "json_schema": .object(Self.named(inner))]
    }

    /// The format in Responses' shape.
    private var flat: JSONValue {
        guard written["type"] == "json_schema", var inner = (written["json_schema"] ?? written).object else { return written }
        inner["type"] = nil
        var flat: JSONObject = ["type": "json_schema"]
        for member in Self.named(inner).members { flat[member.key] = member.value }
        return .object(flat)
    }

    /// A schema must have a name there.
    private static func named(_ inner: JSONObject) -> JSONObject {
        guard inner["name"] == nil else { return inner }
        var named = inner
        named["name"] = "structured_output"
        return named
    }
}
