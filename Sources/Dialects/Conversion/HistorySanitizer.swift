import Basics

/// Takes out of a request that goes on in its own format what another vendor's responses left in its history: envelopes of ours,
/// which no vendor may see, for Gemini 3 calls without a signature (conversion.md 4.4, 4.5), and with another vendor's calls for
/// Anthropic the budget to think (4.3).
///
/// Bodies without any of that, nearly all, are recognized where they lie and stay byte for byte what they are.
public enum HistorySanitizer {
    /// The body to send; nil when the client's own will do.
    /// - Parameter model: what the upstream is asked for.
    public static func cleaned(
        _ body: UnsafeRawBufferPointer, for dialect: ClientDialect, model: String, sealing: ItemSealing? = nil
    ) -> [UInt8]? {
        switch dialect {
        case .anthropic: messages(body)
        case .responses: edited(body, if: ByteSearch.contains("\"pxd1.", in: body)) { responses($0, sealing) }
        case .gemini:
            edited(body, if: hasEnvelopes(gemini: body) || lacksSignatures(body, model)) { gemini($0, model) }
        case .openai: nil
        }
    }

    private static func edited(
        _ body: UnsafeRawBufferPointer, if needsWork: Bool, _ edit: (JSONObject) -> JSONObject?
    ) -> [UInt8]? {
        guard needsWork, let object = (try? JSONValue(parsing: body))?.object else { return nil }
        guard let changed = edit(object), changed != object else { return nil }
        return JSONValue.object(changed).bytes
    }

    /// What becomes of a field that may hold an envelope: the family's own signature comes out of it, others go.
    private enum Opened { case foreign, own(String), plain }

    private static func open(_ text: String?, _ family: SignatureEnvelope.Family) -> Opened {
        guard let text, SignatureEnvelope.isEnvelope(text) else { return .plain }
        guard let envelope = SignatureEnvelope(text), envelope.family == family, !envelope.original.isEmpty else {
            return .foreign
        }
        return .own(envelope.original)
    }

    // MARK: Anthropic

    private static func messages(_ body: UnsafeRawBufferPointer) -> [UInt8]? {
        let opened = edited(body, if: ByteSearch.contains("\"pxd1.", in: body), withoutEnvelopes)
        if let opened { return opened.withUnsafeBytes { LastTurn.withoutBudget($0, isConverted: true) } ?? opened }
        return LastTurn.withoutBudget(body, isConverted: false)
    }

    private static func withoutEnvelopes(_ body: JSONObject) -> JSONObject? {
        guard let list = body["messages"]?.array else { return nil }
        let made = madeSearches(list)
        var body = body
        body["messages"] = .array(
            list.compactMap { message in
                guard var object = message.object, let blocks = object["content"]?.array else { return message }
                let own = blocks.filter { !made.contains($0["tool_use_id"]?.string ?? $0["id"]?.string ?? "") }.compactMap(block)
                // A message that nothing is left of goes; one that had nothing is the client's own affair.
                if own.isEmpty, !blocks.isEmpty { return nil }
                object["content"] = .array(own)
                return .object(object)
            })
        return body
    }

    /// The ids of web searches that proxyd wrote for another vendor's: Anthropic could not read what they found.
    private static func madeSearches(_ messages: [JSONValue]) -> Set<String> {
        var ids: Set<String> = []
        for message in messages {
            for block in message["content"]?.array ?? [] where block["type"] == "web_search_tool_result" {
                let pages = block["content"]?.array ?? []
                let isMade = pages.contains { $0["encrypted_content"]?.string.map(SignatureEnvelope.isEnvelope) ?? false }
                if isMade, let id = block["tool_use_id"]?.string { ids.insert(id) }
            }
        }
        return ids
    }

    private static func block(_ block: JSONValue) -> JSONValue? {
        let field: String
        switch block["type"]?.string {
        case "thinking": field = "signature"
        case "redacted_thinking": field = "data"
        default: return block
        }
        switch open(block[field]?.string, .anthropic) {
        case .plain: return block
        case .foreign: return nil
        case .own(let signature):
            guard var object = block.object else { return nil }
            object[field] = .string(signature)
            return .object(object)
        }
    }

    // MARK: Responses

    private static func responses(_ body: JSONObject, _ sealing: ItemSealing?) -> JSONObject? {
        guard let items = body["input"]?.array else { return nil }
        var body = body
        body["input"] = .array(
            items.compactMap { item in
                if let type = item["type"]?.string, CompactionItem.types.contains(type) {
                    // A summary that proxyd sealed is one in plain words again; what it cannot open, the vendor refuses.
                    let text = try? CompactionItem.text(item, "input", sealing)
                    return text.flatMap { $0 }.map { ["type": "message", "role": "user", "content": .string($0)] } ?? item
                }
                guard item["type"] == "reasoning" else { return item }
                switch open(item["encrypted_content"]?.string, .openai) {
                case .plain: return item
                case .foreign: return nil
                case .own(let signature):
                    guard var object = item.object else { return nil }
                    object["encrypted_content"] = .string(signature)
                    return .object(object)
                }
            })
        return body
    }

    // MARK: Gemini

    /// `pxd1.` in base64, but for its last bits.
    private static func hasEnvelopes(gemini body: UnsafeRawBufferPointer) -> Bool {
        // The search ignores case, and so may say yes too often.
        ByteSearch.contains("\"chhkms", in: body)
    }

    private static func lacksSignatures(_ body: UnsafeRawBufferPointer, _ model: String) -> Bool {
        ByteSearch.contains("\"functioncall\"", in: body) && !ByteSearch.contains("\"thoughtsignature\"", in: body)
            && !ByteSearch.contains("\"thought_signature\"", in: body) && demandsSignatures(model)
    }

    private static func demandsSignatures(_ model: String) -> Bool {
        Capabilities.known(dialect: .gemini, model: model, isFirstParty: true).gemini.signatures
    }

    private static func gemini(_ body: JSONObject, _ model: String) -> JSONObject? {
        guard let list = body["contents"]?.array else { return nil }
        var contents: [JSONValue] = list.compactMap { content in
            guard var object = content.object, let parts = object["parts"]?.array else { return content }
            let own = parts.compactMap(part)
            if own.isEmpty, !parts.isEmpty { return nil }
            object["parts"] = .array(own)
            return .object(object)
        }
        if demandsSignatures(model) { sign(&contents) }
        var body = body
        body["contents"] = .array(contents)
        return body
    }

    private static func part(_ part: JSONValue) -> JSONValue? {
        guard var object = part.object else { return part }
        for key in ["thoughtSignature", "thought_signature"] {
            guard let text = object[key]?.string, let envelope = SignatureEnvelope.envelope(inBase64: text) else { continue }
            switch open(envelope, .gemini) {
            case .plain: continue
            case .own(let signature): object[key] = .string(signature)
            case .foreign:
                object[key] = nil
                if object["thought"]?.bool == true || object.isEmpty || object["text"]?.isEmptyText == true { return nil }
            }
        }
        return .object(object)
    }

    /// Gives the first call of each of the model's steps after the user's last words a signature if it has none.
    private static func sign(_ contents: inout [JSONValue]) {
        let start = contents.lastIndex { content in
            content["role"] != "model"
                && (content["parts"]?.array ?? []).contains { GeminiKey.get($0, "functionResponse") == nil }
        }
        for index in contents.indices where index > start ?? -1 && contents[index]["role"] == "model" {
            guard var object = contents[index].object, var parts = object["parts"]?.array,
                let first = parts.firstIndex(where: { GeminiKey.get($0, "functionCall") != nil }),
                GeminiKey.get(parts[first], "thoughtSignature") == nil, var part = parts[first].object
            else { continue }
            part.append("thoughtSignature", .string(GeminiHistoryWriter.skippedSignature))
            parts[first] = .object(part)
            object["parts"] = .array(parts)
            contents[index] = .object(object)
        }
    }
}
