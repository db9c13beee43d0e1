/// Reads the messages of an Anthropic request, block by block (conversion.md 3.1.2, 3.1.3).
enum MessagesContentReader {
    static func turn(_ message: JSONValue, at index: Int, _ work: inout RequestWork) throws(ConversionProblem) -> HubTurn {
        let path = "messages.\(index)"
        let role: HubTurn.Role
        switch message["role"]?.string {
        case "user": role = .user
        case "assistant": role = .assistant
        case "system": role = .system
        default: throw RequestWork.invalid("\(path).role", "Input should be 'user' or 'assistant'")
        }
        for key in ["clear_at", "output_config"] {
            if let value = message[key], !value.isNull { try work.note("messages.\(key)", .dropped) }
        }
        guard let content = message["content"] else { throw RequestWork.invalid("\(path).content", "Field required") }
        var turn = HubTurn(role: role, blocks: [], position: index)
        if content.string != nil {
            if !content.isEmptyText { turn.blocks = [.text(HubText(text: content))] }
            return turn
        }
        guard let blocks = content.array else {
            throw RequestWork.invalid("\(path).content", "Input should be a string or a list")
        }
        turn.isList = true
        for (number, block) in blocks.enumerated() {
            let place = "\(path).content.\(number)"
            if let read = try self.block(block, place, &work) { turn.blocks.append(read.placed(at: place)) }
        }
        return turn
    }

    /// One block; nil for what leaves no trace.
    static func block(_ block: JSONValue, _ path: String, _ work: inout RequestWork) throws(ConversionProblem) -> HubBlock? {
        guard let type = block["type"]?.string else { throw RequestWork.invalid("\(path).type", "Field required") }
        switch type {
        case "text":
            guard let text = block["text"], text.string != nil else {
                throw RequestWork.invalid("\(path).text", "Field required")
            }
            return text.isEmptyText ? nil : .text(HubText(text: text, cache: cache(block)))
        case "image": return .image(try image(block, path))
        case "document": return try document(block, path, &work)
        case "search_result": return .text(HubText(text: .string(searchResult(block)), cache: cache(block)))
        case "tool_use":
            guard let id = block["id"]?.string else { throw RequestWork.invalid("\(path).id", "Field required") }
            guard let name = block["name"]?.string else { throw RequestWork.invalid("\(path).name", "Field required") }
            return .toolUse(
                HubToolUse(id: id, name: name, arguments: .value(block["input"] ?? [:]), cache: cache(block)))
        case "tool_result": return .toolResult(try toolResult(block, path, &work))
        case "thinking":
            let signature = block["signature"]?.string
            return .thinking(HubThinking(text: block["thinking"] ?? "", signature: signature.flatMap { $0.isEmpty ? nil : $0 }))
        case "redacted_thinking": return .thinking(HubThinking(redacted: block["data"]?.string ?? ""))
        case "tool_reference":
            return .text(HubText(text: .string("Tool available: \(block["tool_name"]?.string ?? block["name"]?.string ?? "")")))
        case "compaction":
            guard let summary = block["content"]?.string, !summary.isEmpty else { return nil }
            return .text(HubText(text: .string(summary)))
        case "tool_addition", "tool_removal": throw RequestWork.unsupported(path, "\(type) is not available with this upstream")
        default:
            try work.note("messages.content.\(type)", .dropped)
            return .omitted
        }
    }

    static func cache(_ block: JSONValue) -> HubCacheMark? {
        guard let mark = block["cache_control"], mark.object != nil else { return nil }
        return mark["ttl"]?.string == "1h" ? .long : .short
    }

    private static func image(_ block: JSONValue, _ path: String) throws(ConversionProblem) -> HubMedia {
        let source = block["source"] ?? .null
        switch source["type"]?.string {
        case "base64":
            guard let data = source["data"]?.string else { throw RequestWork.invalid("\(path).source.data", "Field required") }
            let type = source["media_type"]?.string ?? MediaType.sniff(base64: data) ?? "image/jpeg"
            return HubMedia(source: .base64(type: type, data: data), cache: cache(block))
        case "url":
            guard let url = source["url"]?.string else { throw RequestWork.invalid("\(path).source.url", "Field required") }
            return HubMedia(source: .url(url, type: source["media_type"]?.string), cache: cache(block))
        case "file": throw RequestWork.unsupported("\(path).source", "file ids are not found in this provider's file store")
        default: throw RequestWork.invalid("\(path).source.type", "Input should be 'base64' or 'url'")
        }
    }

    private static func document(
        _ block: JSONValue, _ path: String, _ work: inout RequestWork
    ) throws(ConversionProblem) -> HubBlock {
        let source = block["source"] ?? .null
        let kind: HubDocument.Source
        switch source["type"]?.string {
        case "base64":
            let (type, data) = (source["media_type"]?.string ?? "application/pdf", source["data"]?.string ?? "")
            if type != "application/pdf" {
                let title = block["title"]?.string
                let read = try AttachedFile.block(
                    type: type, data: data, title: title, cache: cache(block), path: "\(path).source.media_type", work)
                guard case .document(var document) = read else { return read }
                document.context = block["context"]?.string
                return .document(document)
            }
            kind = .base64(type: type, data: data)
        case "url": kind = .url(source["url"]?.string ?? "")
        case "text": kind = .text(source["data"]?.string ?? "")
        case "content":
            if let text = source["content"]?.string {
                kind = .text(text)
            } else {
                var blocks: [HubBlock] = []
                for (number, inner) in (source["content"]?.array ?? []).enumerated() {
                    if let read = try shallow(inner, "\(path).source.content.\(number)", &work) { blocks.append(read) }
                }
                kind = .blocks(blocks)
            }
        case "file": throw RequestWork.unsupported("\(path).source", "file ids are not found in this provider's file store")
        default: throw RequestWork.invalid("\(path).source.type", "Input should be 'base64', 'url', 'text' or 'content'")
        }
        return .document(
            HubDocument(source: kind, title: block["title"]?.string, context: block["context"]?.string, cache: cache(block)))
    }

    /// A block inside a block: text and images only, so that nothing can be nested deeper.
    private static func shallow(
        _ block: JSONValue, _ path: String, _ work: inout RequestWork
    ) throws(ConversionProblem) -> HubBlock? {
        switch block["type"]?.string {
        case "text", "image", "tool_reference", "search_result":
            return try self.block(block, path, &work)?.placed(at: path)
        case "document":
            // Its own blocks are text or images again; anything deeper is refused by kind.
            if block["source"]?["type"]?.string == "content", block["source"]?["content"]?.array != nil {
                let texts = (block["source"]?["content"]?.array ?? []).compactMap { $0["text"]?.string }
                return .text(HubText(text: .string(texts.joined(separator: "\n"))))
            }
            return try document(block, path, &work).placed(at: path)
        default:
            try work.note("messages.content.\(block["type"]?.string ?? "unknown")", .dropped)
            return nil
        }
    }

    private static func searchResult(_ block: JSONValue) -> String {
        let head = [block["title"]?.string, block["source"]?.string].compactMap { $0 }
        let body = (block["content"]?.array ?? []).compactMap { $0["text"]?.string }
        return (head + body).filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private static func toolResult(
        _ block: JSONValue, _ path: String, _ work: inout RequestWork
    ) throws(ConversionProblem) -> HubToolResult {
        guard let id = block["tool_use_id"]?.string else { throw RequestWork.invalid("\(path).tool_use_id", "Field required") }
        var result = HubToolResult(id: id, content: [], isError: block["is_error"]?.bool ?? false, cache: cache(block))
        switch block["content"] {
        case .string, .unpaired:
            let text = block["content"] ?? ""
            if !text.isEmptyText { result.content = [.text(HubText(text: text))] }
        case .array(let blocks):
            for (number, inner) in blocks.enumerated() {
                if inner.string != nil {
                    result.content.append(.text(HubText(text: inner)))
                } else if let read = try shallow(inner, "\(path).content.\(number)", &work) {
                    result.content.append(read)
                }
            }
        case .object(let object):
            // Seen in the wild: a bare object. Its JSON is its text, unless it is itself a text block.
            if let text = object["text"], text.string != nil, object["type"]?.string == "text" {
                result.content = [.text(HubText(text: text))]
            } else {
                result.content = [.text(HubText(text: .string(JSONValue.object(object).text)))]
            }
        case .null, .bool, .number, nil: break
        }
        return result
    }
}

/// Media types, from what data says of itself.
enum MediaType {
    /// The image type that base64 data begins with; nil when it is none of the four that vendors read.
    static func sniff(base64 data: String) -> String? {
        if data.hasPrefix("iVBORw0KGgo") { return "image/png" }
        if data.hasPrefix("/9j/") { return "image/jpeg" }
        if data.hasPrefix("R0lGOD") { return "image/gif" }
        if data.hasPrefix("UklGR") { return "image/webp" }
        return nil
    }

    /// The media type and the base64 of a `data:` address; nil for what is none or is not base64.
    static func split(dataURL url: String) -> (type: String, data: String)? {
        guard url.utf8.count > 5, url.prefix(5).lowercased() == "data:", let comma = url.utf8.firstIndex(of: 0x2C) else {
            return nil
        }
        let head = url[url.index(url.startIndex, offsetBy: 5)..<comma].split(separator: ";", omittingEmptySubsequences: false)
        guard head.last?.trimmingSuffixSpace.lowercased() == "base64" else { return nil }
        var type = head.count > 1 ? head[0].lowercased() : ""
        if type == "image/jpg" { type = "image/jpeg" }
        let data = url[url.utf8.index(after: comma)...]
        let hasSpace = data.utf8.contains { $0 <= 0x20 }
        return (type, hasSpace ? String(decoding: data.utf8.filter { $0 > 0x20 }, as: UTF8.self) : String(data))
    }
}

extension Substring {
    fileprivate var trimmingSuffixSpace: String { String(self).trimmingSpace }
}
