import Basics

/// Reads the messages of a Chat Completions request (conversion.md 3.2.2, 3.2.3).
struct ChatContentReader {
    private(set) var system: [HubText] = []
    private(set) var turns: [HubTurn] = []
    /// The names that user messages are under.
    private var names: Set<String> = []
    /// Calls that no result has come for: some results name their function only.
    private var openFunctions = OpenCalls()

    static func read(_ messages: [JSONValue], _ work: inout RequestWork) throws(ConversionProblem) -> ChatContentReader {
        var reader = ChatContentReader()
        reader.names = Set(messages.lazy.filter { $0["role"] == "user" }.compactMap { $0["name"]?.string })
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
            // White space tells a model nothing, and most vendors refuse it.
            turn.blocks = try content(message, path, &work).filter { !($0.text?.isBlankText ?? false) }
            if turns.isEmpty {
                for case .text(let text) in turn.blocks { system.append(text) }
                return
            }
            if turn.blocks.isEmpty { return }
        case "user":
            turn.blocks = try content(message, path, &work)
            if let name = message["name"]?.string, !name.isEmpty { try tell(name, &turn.blocks, &work) }
        case "assistant":
            turn.role = .assistant
            turn.blocks = try assistant(message, path, index, &work)
            if turn.blocks.isEmpty { return }
        case "tool":
            let id = try answered(message, path)
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

    /// Who says it. Other formats have no field for that: where several do, each one's words begin with the name.
    private func tell(_ name: String, _ blocks: inout [HubBlock], _ work: inout RequestWork) throws(ConversionProblem) {
        guard names.count > 1, case .text(var text)? = blocks.first else {
            return try work.note("messages.name", .dropped)
        }
        text.text = .string("\(name): \(text.text.string ?? "")")
        blocks[0] = .text(text)
        try work.note("messages.name", .approximated)
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
        // What the model said aloud is known to OpenAI alone.
        if message["audio"]?.object != nil { try work.note("messages.audio", .dropped) }
        for (number, call) in (message["tool_calls"]?.array ?? []).enumerated() {
            let read = try self.call(call, "\(path).tool_calls[\(number)]", "call_\(index)_\(number)")
            openFunctions.add(read.name, read.id)
            blocks.append(.toolUse(read))
        }
        if let call = message["function_call"], let name = call["name"]?.string {
            let id = "call_fn_\(index)"
            openFunctions.add(name, id)
            blocks.append(.toolUse(HubToolUse(id: id, name: name, arguments: HubArguments(call["arguments"]))))
        }
        if let mark = MessagesContentReader.cache(message), let last = blocks.indices.last {
            blocks[last] = blocks[last].marked(mark)
        }
        return blocks
    }

    /// The call that a result is for: by its id, else the first open one of its name.
    private mutating func answered(_ message: JSONValue, _ path: String) throws(ConversionProblem) -> String {
        if let id = message["tool_call_id"]?.string { return openFunctions.answer(id) }
        let name = message["name"]?.string ?? message["tool_name"]?.string
        guard let id = name.flatMap({ openFunctions.first($0) }) else {
            throw RequestWork.invalid("\(path).tool_call_id", "Missing required parameter")
        }
        return id
    }

    /// - Parameter made: its id where the client gives none, as servers do that know calls by their name.
    private func call(_ call: JSONValue, _ path: String, _ made: String) throws(ConversionProblem) -> HubToolUse {
        let id = call["id"]?.string ?? made
        if call["type"]?.string == "custom", let custom = call["custom"] {
            let input: JSONValue = ["input": custom["input"] ?? ""]
            return HubToolUse(id: id, name: custom["name"]?.string ?? "", arguments: .value(input))
        }
        guard let function = call["function"], let name = function["name"]?.string else {
            throw RequestWork.invalid("\(path).function.name", "Missing required parameter")
        }
        let signature = call["extra_content"]?["google"]?["thought_signature"]?.string
        return HubToolUse(id: id, name: name, arguments: HubArguments(function["arguments"]), signature: signature)
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
                let place = "\(path).content[\(index)]"
                if let block = try ChatPartReader.block(part, place, &work) { blocks.append(block.placed(at: place)) }
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
            return .image(try image(url, detail, path, cache(part), work))
        case "input_audio":
            let audio = part["input_audio"] ?? part
            let data = audio["data"]?.string ?? ""
            if let (type, inner) = MediaType.split(dataURL: data) {
                return .audio(HubAudio(format: audio["format"]?.string ?? AttachedFile.format(type), data: inner))
            }
            return .audio(HubAudio(format: audio["format"]?.string ?? "wav", data: data))
        case "file", "input_file": return try file(part["file"] ?? part, path, cache(part), work)
        case "video_url", "audio_url", "input_video": return try film(part, path, work)
        case "tool_use", "tool_result", "document", "image", "search_result", "redacted_thinking":
            // Some clients put Anthropic's blocks into messages of this format.
            return try MessagesContentReader.block(part, path, &work)
        case "thinking", "reasoning":
            if part["signature"]?.string != nil { return try MessagesContentReader.block(part, path, &work) }
            let inner = part["thinking"] ?? part["text"] ?? .null
            let text = inner.string ?? (inner.array ?? []).compactMap { $0["text"]?.string }.joined()
            return text.isEmpty ? nil : .thinking(HubThinking(text: .string(text)))
        default: throw RequestWork.invalid("\(path).type", "unknown content part")
        }
    }

    static func cache(_ part: JSONValue) -> HubCacheMark? {
        if let mark = MessagesContentReader.cache(part) { return mark }
        guard let mark = part["prompt_cache_breakpoint"], mark.object != nil else { return nil }
        return mark["ttl"] == "1h" ? .long : .short
    }

    private static func image(
        _ url: String, _ detail: String?, _ path: String, _ cache: HubCacheMark?, _ work: RequestWork
    ) throws(ConversionProblem) -> HubMedia {
        guard url.prefix(5).lowercased() == "data:" else {
            return HubMedia(source: .url(url, type: nil), detail: detail, cache: cache)
        }
        guard let (type, data) = MediaType.split(dataURL: url) else {
            throw RequestWork.invalid("\(path).image_url", "expected base64 data")
        }
        let known = type.isEmpty ? MediaType.sniff(base64: data) ?? "image/jpeg" : type
        guard AttachedFile.readByAll.contains(known) || (known.hasPrefix("image/") && work.upstream.format.kin == .gemini) else {
            throw RequestWork.unsupported("\(path).image_url", "images of type \(known) are not available with this upstream")
        }
        return HubMedia(source: .base64(type: known, data: data), detail: detail, cache: cache)
    }

    private static func file(
        _ file: JSONValue, _ path: String, _ cache: HubCacheMark?, _ work: RequestWork
    ) throws(ConversionProblem) -> HubBlock {
        let title = file["filename"]?.string
        if let url = file["file_url"]?.string {
            guard let (type, data) = MediaType.split(dataURL: url) else {
                return .document(HubDocument(source: .url(url), title: title, cache: cache))
            }
            return try AttachedFile.block(type: type, data: data, title: title, cache: cache, path: "\(path).file_url", work)
        }
        guard let given = file["file_data"]?.string else {
            throw RequestWork.unsupported("\(path).file_id", "not found in this provider's file store")
        }
        let (type, data) = MediaType.split(dataURL: given) ?? ("", given)
        return try AttachedFile.block(type: type, data: data, title: title, cache: cache, path: "\(path).file", work)
    }

    /// Sounds and films as vLLM and its kin have them: by address or by data.
    private static func film(_ part: JSONValue, _ path: String, _ work: RequestWork) throws(ConversionProblem) -> HubBlock {
        let type = part["type"]?.string ?? ""
        let inner = part[type] ?? part
        guard let url = inner["url"]?.string ?? inner.string else {
            throw RequestWork.invalid("\(path).\(type)", "expected an address")
        }
        if let (media, data) = MediaType.split(dataURL: url) {
            return try AttachedFile.block(type: media, data: data, title: nil, path: "\(path).\(type)", work)
        }
        guard work.upstream.format.kin == .gemini else {
            throw RequestWork.unsupported("\(path).\(type)", "not available with this upstream")
        }
        return .document(HubDocument(source: .url(url)))
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
