/// How many input tokens a request is likely to cost where no vendor can be asked (conversion.md 8.1): slower than `TokenEstimate`,
/// which rules ask on every request, and closer, for it counts what the model reads and not the JSON around it.
///
/// Bytes of texts, of calls' arguments and of tool declarations by 3.6, plus 4 for each message, 1,600 for each image and 1,500 for
/// each document.
public enum PromptEstimate {
    /// The estimate for a request body in any of the formats; nil for what is no JSON object.
    public static func tokens(body: UnsafeRawBufferPointer) -> Int? {
        guard let object = (try? JSONValue(parsing: body))?.object else { return nil }
        var count = Count()
        // Gemini's question may hold the whole request.
        let members = object["generateContentRequest"]?.object?.members ?? object.members
        for member in members where prompts.contains(member.key) {
            if declarations.contains(member.key) {
                count.bytes += member.value.bytes.count
            } else {
                count.messages += withoutRole(member)
                count.walk(member.value)
            }
        }
        let text = (count.bytes * 10 + 35) / 36
        return Swift.max(1, text + 4 * count.messages + 1_600 * count.images + 1_500 * count.documents)
    }

    /// Messages that do not say whose they are: the plain text of a Responses client, contents of a Gemini client.
    private static func withoutRole(_ member: JSONObject.Member) -> Int {
        switch (member.key, member.value) {
        case ("input", .string), ("input", .unpaired): 1
        case ("contents", .array(let contents)): contents.count { $0.object != nil && $0["role"] == nil }
        case ("contents", .object(let content)): content["role"] == nil ? 1 : 0
        default: 0
        }
    }

    private static let prompts: Set<String> = [
        "messages", "system", "tools", "functions", "input", "instructions", "contents", "systemInstruction",
        "system_instruction",
    ]
    private static let declarations: Set<String> = ["tools", "functions"]
    /// Members whose values are JSON that the model reads as it is.
    private static let json: Set<String> = ["input", "args", "response"]
    /// Members whose texts the model does not read.
    private static let silent: Set<String> = [
        "type", "role", "id", "tool_use_id", "tool_call_id", "call_id", "media_type", "mimeType", "mime_type", "cache_control",
        "signature", "encrypted_content", "thoughtSignature", "thought_signature", "detail", "status", "format", "filename",
        "file_id", "url", "fileUri", "file_uri", "citations", "prompt_cache_breakpoint",
    ]

    private struct Count {
        var bytes = 0
        var messages = 0
        var images = 0
        var documents = 0

        mutating func walk(_ value: JSONValue) {
            var waiting: [JSONValue] = [value]
            while let next = waiting.popLast() {
                switch next {
                case .string, .unpaired: bytes += next.string?.utf8.count ?? 0
                case .array(let items): waiting += items
                case .object(let object): walk(object, &waiting)
                case .null, .bool, .number: continue
                }
            }
        }

        private mutating func walk(_ object: JSONObject, _ waiting: inout [JSONValue]) {
            if object["role"] != nil { messages += 1 }
            switch object["type"]?.string {
            case "image", "image_url", "input_image":
                images += 1
                return
            case "document" where object["source"]?["type"] == "base64" || object["source"]?["type"] == "url",
                "file", "input_file":
                documents += 1
                return
            case "redacted_thinking": return
            default: break
            }
            if let data = object["inlineData"] ?? object["inline_data"] ?? object["fileData"] ?? object["file_data"] {
                let type = (data["mimeType"] ?? data["mime_type"])?.string ?? ""
                if type.hasPrefix("image/") { images += 1 } else { documents += 1 }
                return
            }
            for member in object.members where !silent.contains(member.key) {
                if json.contains(member.key), member.value.object != nil {
                    bytes += member.value.bytes.count
                } else {
                    waiting.append(member.value)
                }
            }
        }
    }
}
