import Basics

/// Reads the messages of a Chat Completions request (conversion.md 3.2.2, 3.2.3).
struct ChatContentReader {
    private(set) var system: [HubText] = []
    private(set) var turns: [HubTurn] = []
    /// Calls of the older `function_call` kind.
    private var openFunctions = OpenCalls()

    static func read(_ messages: [JSONValue], _ work: inout RequestWork) throws(ConversionProblem) -> ChatContentReader {
        var reader = ChatContentReader()
        for (index, message) in messages.enumerated() { try reader.read(message, index, &work) }
        return reader
    }

    private mutating func read(_ message: JSONValue, _ index: Int, _ work: inout RequestWork) throws(ConversionProblem) {
        let path = "messages[\(index)]"
        guard let role = message["role"]?.string else { throw RequestWork.invalid("\(path).role", "Missing required parameter") }
        var turn = HubTurn(role: .user, blocks: [], position: index)
        switch role {
        case "system", "developer":
            turn.role = .system
            turn.blocks = try content(message, path, &work)
            if turns.isEmpty {
                for case .text(let text) in turn.blocks { system.append(text) }
                return
            }
            if turn.blocks.isEmpty { return }
        case "user": turn.blocks = try content(message, path, &work)
        case "assistant":
            turn.role = .assistant
            turn.blocks = try assistant(message, path, index, &work)
            if turn.blocks.isEmpty { return }
        case "tool":
            guard let id = message["tool_call_id"]?.string else {
                throw RequestWork.invalid("\(path).tool_call_id", "Missing required parameter")
            }
            // The mark on the message is the result's; what is inside is not marked again.
            let blocks = try content(message, path, marksLast: false, &work)
            turn.blocks = [
                .toolResult(
                    HubToolResult(
                        id: id, content: blocks, isList: message["content"]?.array != nil,
                        cache: MessagesContentReader.cache(message)))
            ]
        case "function":
            let name = message["name"]?.string ?? ""
            let id = openFunctions.first(name) ?? ""
            turn.blocks = [.toolResult(HubToolResult(id: id, name: name, content: try content(message, path, &work)))]
        default: throw RequestWork.invalid("\(path).role", "unknown role")
        }
        turns.append(turn)
    }

    private mutating func assistant(
        _ message: JSONValue, _ path: String, _ index: Int, _ work: inout RequestWork
    ) throws(ConversionProblem) -> [HubBlock] {
        var blocks: [HubBlock] = []
        if let thought = message["reasoning_content"] ?? message["reasoning"], let text = thought.string, !text.isEmpty {
            blocks.append(.thinking(HubThinking(text: thought)))
        }
        blocks += try content(message, path, marksLast: false, &work)
        if let refusal = message["refusal"], let text = refusal.string, !text.isEmpty {
            blocks.append(.text(HubText(text: refusal)))
        }
        for (number, call) in (message["tool_calls"]?.array ?? []).enumerated() {
            blocks.append(.toolUse(try self.call(call, "\(path).tool_calls[\(number)]")))
        }
        if let call = message["function_call"], let name = call["name"]?.string {
            let id = "call_fn_\(index)"
            openFunctions.add(name, id)
            blocks.append(.toolUse(HubToolUse(id: id, name: name, arguments: Self.arguments(call["arguments"]))))
        }
        if let mark = MessagesContentReader.cache(message), let last = blocks.indices.last {
            blocks[last] = blocks[last].marked(mark)
        }
        return blocks
    }

    private func call(_ call: JSONValue, _ path: String) throws(ConversionProblem) -> HubToolUse {
        guard let id = call["id"]?.string else { throw RequestWork.invalid("\(path).id", "Missing required parameter") }
        if call["type"]?.string == "custom", let custom = call["custom"] {
            let input: JSONValue = ["input": custom["input"] ?? ""]
            return HubToolUse(id: id, name: custom["name"]?.string ?? "", arguments: .value(input))
        }
        guard let function = call["function"], let name = function["name"]?.string else {
            throw RequestWork.invalid("\(path).function.name", "Missing required parameter")
        }
        let signature = call["extra_content"]?["google"]?["thought_signature"]?.string
        return HubToolUse(id: id, name: name, arguments: Self.arguments(function["arguments"]), signature: signature)
    }

    private static func arguments(_ value: JSONValue?) -> HubArguments {
        switch value {
        case .string(let text): .text(text)
        case .unpaired: .text(value?.string ?? "")
        case .null, nil: .text("")
        case .bool, .number, .array, .object: .value(value ?? [:])
        }
    }

    // MARK: Content

    /// The content of a message: a text, or parts. A cache mark on the message belongs to its last block.
    private func content(
        _ message: JSONValue, _ path: String, marksLast: Bool = true, _ work: inout RequestWork
    ) throws(ConversionProblem) -> [HubBlock] {
        var blocks: [HubBlock] = []
        switch message["content"] {
        case .string, .unpaired:
            let text = message["content"] ?? ""
            if !text.isEmptyText { blocks = [.text(HubText(text: text))] }
        case .array(let parts):
            for (index, part) in parts.enumerated() {
                if let block = try ChatPartReader.block(part, "\(path).content[\(index)]", &work) { blocks.append(block) }
            }
        case .null, nil: break
        case .bool, .number, .object: throw RequestWork.invalid("\(path).content", "expected a string or an array")
        }
        if marksLast, let mark = MessagesContentReader.cache(message), let last = blocks.indices.last {
            blocks[last] = blocks[last].marked(mark)
        }
        return blocks
    }
}

/// Reads the parts of OpenAI messages; Responses has them under names of its own.
enum ChatPartReader {
    static func block(_ part: JSONValue, _ path: String, _ work: inout RequestWork) throws(ConversionProblem) -> HubBlock? {
        if part.string != nil { return part.isEmptyText ? nil : .text(HubText(text: part)) }
        switch part["type"]?.string {
        case "text", "input_text", "output_text":
            guard let text = part["text"], text.string != nil else {
                throw RequestWork.invalid("\(path).text", "expected a string")
            }
            return text.isEmptyText ? nil : .text(HubText(text: text, cache: cache(part)))
        case "refusal": return (part["refusal"] ?? part["text"]).flatMap { $0.isEmptyText ? nil : .text(HubText(text: $0)) }
        case "image_url", "input_image":
            if part["file_id"]?.string != nil {
                throw RequestWork.unsupported("\(path).file_id", "not found in this provider's file store")
            }
            let inner = part["image_url"]
            guard let url = inner?["url"]?.string ?? inner?.string else {
                throw RequestWork.invalid("\(path).image_url", "expected an address")
            }
            let detail = inner?["detail"]?.string ?? part["detail"]?.string
            return .image(try image(url, detail, path, cache(part)))
        case "input_audio":
            let audio = part["input_audio"] ?? part
            return .audio(format: audio["format"]?.string ?? "wav", data: audio["data"]?.string ?? "")
        case "file", "input_file": return .document(try file(part["file"] ?? part, path, cache(part)))
        case "thinking", "reasoning": return nil
        default: throw RequestWork.invalid("\(path).type", "unknown content part")
        }
    }

    static func cache(_ part: JSONValue) -> HubCacheMark? {
        if let mark = MessagesContentReader.cache(part) { return mark }
        guard let mark = part["prompt_cache_breakpoint"], mark.object != nil else { return nil }
        return mark["ttl"] == "1h" ? .long : .short
    }

    static func image(_ url: String, _ detail: String?, _ path: String, _ cache: HubCacheMark?) throws(ConversionProblem)
        -> HubMedia
    {
        guard url.prefix(5).lowercased() == "data:" else {
            return HubMedia(source: .url(url, type: nil), detail: detail, cache: cache)
        }
        guard let (type, data) = MediaType.split(dataURL: url) else {
            throw RequestWork.invalid("\(path).image_url", "expected base64 data")
        }
        let known = type.isEmpty ? MediaType.sniff(base64: data) ?? "image/jpeg" : type
        guard ["image/jpeg", "image/png", "image/gif", "image/webp"].contains(known) else {
            throw RequestWork.unsupported("\(path).image_url", "images of type \(known) are not available with this upstream")
        }
        return HubMedia(source: .base64(type: known, data: data), detail: detail, cache: cache)
    }

    private static func file(_ file: JSONValue, _ path: String, _ cache: HubCacheMark?) throws(ConversionProblem) -> HubDocument {
        let title = file["filename"]?.string
        if let url = file["file_url"]?.string { return HubDocument(source: .url(url), title: title, cache: cache) }
        guard let given = file["file_data"]?.string else {
            throw RequestWork.unsupported("\(path).file_id", "not found in this provider's file store")
        }
        let (type, data) = MediaType.split(dataURL: given) ?? ("", given)
        if type == "application/pdf" || data.hasPrefix("JVBERi") {
            return HubDocument(source: .base64(type: "application/pdf", data: data), title: title, cache: cache)
        }
        if type.hasPrefix("text/"), let bytes = Base64.decode(data) {
            return HubDocument(source: .text(String(decoding: bytes, as: UTF8.self)), title: title, cache: cache)
        }
        throw RequestWork.unsupported(
            "\(path).file", "files of type \(type.isEmpty ? "unknown" : type) are not available with this upstream")
    }
}

extension HubBlock {
    /// The block with a cache mark, unless it has one.
    func marked(_ mark: HubCacheMark) -> HubBlock {
        switch self {
        case .text(var text):
            text.cache = text.cache ?? mark
            return .text(text)
        case .image(var image):
            image.cache = image.cache ?? mark
            return .image(image)
        case .document(var document):
            document.cache = document.cache ?? mark
            return .document(document)
        case .toolResult(var result):
            result.cache = result.cache ?? mark
            return .toolResult(result)
        case .toolUse(var call):
            call.cache = call.cache ?? mark
            return .toolUse(call)
        case .audio, .thinking: return self
        }
    }
}
