import Basics

/// Reads a Gemini response, streamed or whole, as events (conversion.md 6.9).
struct GeminiResponseReader: ResponseReader {
    private var tally = UsageTally()
    private var isOver = false
    private var ending: ResponseEnding?
    private var finishWord = ""
    private var hasContent = false
    /// What comes next stands at the beginning of a line.
    private var isAtLine = true
    private var hasCandidates = false
    private var hasCall = false
    /// The last that was said of an end is that its reason is not specified: with a call that is one.
    private var isUnspecified = false
    private var partial: PartialCall?
    /// What was searched and found, told when the text is whole.
    private var grounding: [JSONValue] = []
    /// The text, where the client counts its characters.
    private var words = GroundedText()

    var usage: TokenUsage? { tally.usage(.gemini) }

    mutating func read(_ event: SSEEvent, to events: inout some ResponseEvents) { read(event.data, to: &events) }

    mutating func read(_ data: UnsafeRawBufferPointer, to events: inout some ResponseEvents) {
        guard !isOver else { return }
        var cursor = JSONCursor(data)
        guard (try? cursor.open(.object)) != nil else {
            if let listed = data.firstListedObject { read(listed, to: &events) }
            return
        }
        var candidates: Range<Int>?
        var feedback: Range<Int>?
        while let member = (try? cursor.nextMember()) ?? nil {
            let key = data.slice(member.key)
            if key.equals("error"), member.kind != .null {
                return fail(UpstreamError.readEvent(data, dialect: .gemini), &events)
            } else if key.equals("usageMetadata") {
                tally.merge(data, in: member.value, .gemini)
            } else if key.equals("candidates"), member.kind == .array {
                candidates = member.value
            } else if key.equals("promptFeedback"), member.kind == .object {
                feedback = member.value
            }
        }
        if let usage = tally.usage(.gemini) { events.note(usage) }
        events.start(id: data.inner(of: "responseId"), model: data.inner(of: "modelVersion"))
        if let feedback, !data.inner(of: "blockReason", in: feedback).isEmpty, ending == nil {
            let words = data.inner(of: "blockReasonMessage", in: feedback)
            ending = ResponseEnding(reason: .refusal, explanation: words.isEmpty ? nil : Array(words))
        }
        guard let candidates else { return }
        var list = JSONCursor(data, in: candidates)
        guard (try? list.open(.array)) != nil else { return }
        // The others are not asked for, and may come in chunks of their own.
        while let element = (try? list.nextElement()) ?? nil {
            let index = JSONScan.find("index", of: data, in: element.value)
            if let index, index.kind == .number, JSONScan.integer(of: data, in: index.value) != 0 { continue }
            hasCandidates = true
            return candidate(data, element.value, &events)
        }
    }

    mutating func close(to events: inout some ResponseEvents) {
        guard !isOver else { return }
        flushPartial(&events)
        if hasCall, isUnspecified, ending == nil { ending = ResponseEnding(reason: .toolUse) }
        guard let ending else { return fail(hasCandidates ? .truncated : .broken("the upstream gave an empty answer"), &events) }
        if ending.reason == .other, !hasContent {
            let words = ending.explanation.map { ": " + $0.withUnsafeBytes { JSONText.decode($0) } } ?? ""
            return fail(.broken("the upstream stopped without an answer: \(finishWord)\(words)"), &events)
        }
        isOver = true
        showGrounding(&events)
        events.end(ending)
    }

    private mutating func fail(_ error: UpstreamError, _ events: inout some ResponseEvents) {
        isOver = true
        events.fail(error)
    }

    /// Reads a whole response, or the array of chunks that the streaming method gives without `alt=sse`.
    mutating func readWhole(_ body: UnsafeRawBufferPointer, to events: inout some ResponseEvents) {
        guard let kind = try? JSONScan.validate(body), kind == .object || kind == .array else {
            return fail(.broken("the upstream's answer is no JSON object"), &events)
        }
        if kind == .object {
            read(body, to: &events)
            if !isOver, !hasCandidates, ending == nil {
                return fail(.emptyResponse(body, .gemini, "the upstream gave an empty answer"), &events)
            }
        } else {
            var cursor = JSONCursor(body)
            guard (try? cursor.open(.array)) != nil else { return }
            while let element = (try? cursor.nextElement()) ?? nil { read(body.slice(element.value), to: &events) }
        }
        close(to: &events)
    }

    // MARK: Candidates

    private mutating func candidate(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents) {
        if let result = JSONScan.find("logprobsResult", of: data, in: range), result.kind == .object,
            let value = try? JSONValue(parsing: data.slice(result.value))
        {
            events.note(logprobs: GeminiLogprobs.content(value))
        }
        if let content = JSONScan.find("content", of: data, in: range),
            let parts = JSONScan.find("parts", of: data, in: content.value), parts.kind == .array
        {
            var cursor = JSONCursor(data, in: parts.value)
            if (try? cursor.open(.array)) != nil {
                while let part = (try? cursor.nextElement()) ?? nil { self.part(data, part.value, &events) }
            }
        }
        if let found = JSONScan.find("groundingMetadata", of: data, in: range), found.kind == .object, grounding.count < 64,
            let value = try? JSONValue(parsing: data.slice(found.value))
        {
            grounding.append(value)
        }
        let word = data.inner(of: "finishReason", in: range)
        guard !word.isEmpty else { return }
        isUnspecified = word.equals("FINISH_REASON_UNSPECIFIED")
        guard !isUnspecified else { return }
        finishWord = JSONText.decode(word)
        let message = data.inner(of: "finishMessage", in: range)
        var ending = ResponseEnding(reason: Self.reason(finishWord), explanation: message.isEmpty ? nil : Array(message))
        if ending.reason == .other { ending.unknownWord = Array(word.slice(0..<64)) }
        self.ending = ending
    }

    private mutating func showGrounding(_ events: inout some ResponseEvents) {
        var queries: Set<String> = []
        var told: Set<WebCitation> = []
        var cited: Set<String> = []
        var others: [WebCitation] = []
        for value in grounding {
            for query in value["webSearchQueries"]?.array ?? [] {
                if let text = query.string, queries.insert(text).inserted { events.searched(text) }
            }
            let pages = (value["groundingChunks"]?.array ?? []).map { Self.page($0) }
            for case let page? in pages {
                events.found(page.url, title: page.title)
                others.append(page)
            }
            for support in value["groundingSupports"]?.array ?? [] {
                // Texts before and behind a call are counted each by itself.
                guard events.countsCharacters, !hasCall, let range = words.characters(of: support["segment"]) else { continue }
                for index in support["groundingChunkIndices"]?.array ?? [] {
                    guard let index = index.int, pages.indices.contains(index), var page = pages[index] else { continue }
                    (page.start, page.end) = (range.lowerBound, range.upperBound)
                    cited.insert(page.url)
                    if told.insert(page).inserted { events.cite(page) }
                }
            }
        }
        // What no passage is said to be from is where the whole is from.
        for page in others where cited.insert(page.url).inserted { events.cite(page) }
    }

    private static func page(_ chunk: JSONValue) -> WebCitation? {
        guard let web = chunk["web"] ?? chunk["retrievedContext"], let url = web["uri"]?.string, !url.isEmpty else { return nil }
        return WebCitation(url: url, title: web["title"]?.string ?? "")
    }

    private static func reason(_ word: String) -> StopReason {
        switch word {
        case "STOP": .endTurn
        case "MAX_TOKENS", "CONTINUATION": .maxTokens
        case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR", "ESCALATION", "PUP_LIMITED_DISABLED":
            .refusal
        default: .other
        }
    }

    private mutating func part(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents) {
        var signature = data.inner(of: "thoughtSignature", in: range)
        if signature.isEmpty { signature = data.inner(of: "thought_signature", in: range) }
        if let call = JSONScan.find("functionCall", of: data, in: range), call.kind == .object {
            return self.call(data, call.value, signature, &events)
        }
        if let text = JSONScan.find("text", of: data, in: range), text.kind == .string {
            let inner = data.slice(text.value.lowerBound &+ 1..<text.value.upperBound &- 1)
            let isThought = JSONScan.find("thought", of: data, in: range)?.kind == .true
            if isThought { events.thinking(inner) }
            // On a part without words the signature belongs to the thoughts before it.
            if isThought || inner.isEmpty { events.sign(signature, .think) }
            if !isThought, !inner.isEmpty {
                hasContent = true
                isAtLine = inner.suffix(2).elementsEqual([0x5C, 0x6E])
                if events.countsCharacters { words.take(inner) }
                events.text(inner)
            }
            return
        }
        guard let value = try? JSONValue(parsing: data.slice(range)) else { return }
        if let code = value["executableCode"] {
            let language = code["language"]?.string?.lowercased() ?? ""
            fence(language, code["code"]?.string ?? "", &events)
        } else if let result = value["codeExecutionResult"] {
            fence("", result["output"]?.string ?? "", &events)
        } else if let data = value["inlineData"] {
            let type = data["mimeType"]?.string ?? "image/png"
            let isImage = type.hasPrefix("image/")
            isAtLine = false
            if isImage, events.showsMarkdownImages {
                say("![image](data:\(type);base64,\(data["data"]?.string ?? ""))", &events)
            } else {
                let what = isImage ? "image" : type.hasPrefix("audio/") ? "audio" : "file"
                say("[\(what) omitted: \(type)]", &events)
            }
        } else if let member = value.object?.members.first(where: { !$0.key.hasPrefix("thought") }) {
            var key = member.key
            key.withUTF8 { events.unknown("parts", UnsafeRawBufferPointer($0)) }
        }
    }

    /// Code, or what it said: a fence counts at the beginning of a line only.
    private mutating func fence(_ language: String, _ text: String, _ events: inout some ResponseEvents) {
        say("\(isAtLine ? "" : "\n")```\(language)\n\(text)\n```\n", &events)
        isAtLine = true
    }

    private mutating func say(_ text: String, _ events: inout some ResponseEvents) {
        hasContent = true
        if events.countsCharacters { words.takeAside(text) }
        var raw: [UInt8] = []
        JSONText.append(escaping: text, to: &raw)
        raw.withUnsafeBytes { events.text($0) }
    }

    // MARK: Calls

    private mutating func call(
        _ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ signature: RawText, _ events: inout some ResponseEvents
    ) {
        guard let value = try? JSONValue(parsing: data.slice(range)) else { return }
        hasContent = true
        let name = value["name"]?.string ?? ""
        let isOpen = value["willContinue"]?.bool == true
        if let pieces = value["partialArgs"]?.array {
            if partial == nil { partial = PartialCall(id: value["id"]?.string ?? "", name: name) }
            for piece in pieces { fill(piece) }
            if !isOpen, !name.isEmpty { flushPartial(&events) }
            return
        }
        if name.isEmpty { return flushPartial(&events) }
        flushPartial(&events)
        events.sign(signature, .call)
        if isOpen {
            partial = PartialCall(id: value["id"]?.string ?? "", name: name)
            return
        }
        show(PartialCall(id: value["id"]?.string ?? "", name: name, arguments: value["args"] ?? [:]), &events)
    }

    private mutating func flushPartial(_ events: inout some ResponseEvents) {
        guard let call = partial else { return }
        partial = nil
        show(call, &events)
    }

    private mutating func show(_ call: PartialCall, _ events: inout some ResponseEvents) {
        hasCall = true
        var id: [UInt8] = []
        var name: [UInt8] = []
        var arguments: [UInt8] = []
        JSONText.append(escaping: call.id, to: &id)
        JSONText.append(escaping: call.name, to: &name)
        let said = call.arguments.string.map { HubArguments.text($0) } ?? HubArguments.value(call.arguments)
        said.object.bytes.withUnsafeBytes { JSONText.append(escaping: $0, to: &arguments) }
        id.withUnsafeBytes { id in name.withUnsafeBytes { events.toolStart(id: id, name: $0) } }
        arguments.withUnsafeBytes { events.toolArguments($0) }
        events.toolEnd()
    }

    /// Puts one piece of the arguments where its path says; text for a path that has some is added to it.
    private mutating func fill(_ piece: JSONValue) {
        guard partial != nil, let path = piece["jsonPath"]?.string else { return }
        let value: JSONValue
        if let text = piece["stringValue"] {
            value = text
        } else if let number = piece["numberValue"] {
            value = number
        } else if let flag = piece["boolValue"] {
            value = flag
        } else {
            value = .null
        }
        let keys = path.split { $0 == "." || $0 == "[" || $0 == "]" || $0 == "$" }.map { $0.filter { $0 != "'" && $0 != "\"" } }
        guard !keys.isEmpty, keys.count <= 16 else { return }
        partial?.put(value, at: keys)
    }
}

/// A call whose arguments come in pieces, each with the path of its place.
private struct PartialCall: Sendable {
    var id: String
    var name: String
    var arguments: JSONValue = [:]
    /// What the pieces may still cost beyond their own bytes: places passed over in lists, keys compared. No response of a model
    /// comes near it; a piece that would need more is left out.
    private var work = 4 << 20

    init(id: String, name: String, arguments: JSONValue = [:]) {
        self.id = id
        self.name = name
        self.arguments = arguments
    }

    mutating func put(_ value: JSONValue, at keys: [String]) {
        Self.put(value, at: keys[...], in: &arguments, &work)
    }

    /// Changes the tree in place: one that is taken apart and put together again for every piece would be copied as often.
    private static func put(_ value: JSONValue, at keys: ArraySlice<String>, in target: inout JSONValue, _ work: inout Int) {
        guard let key = keys.first else {
            if case .string(var text) = target, let more = value.string {
                target = .null
                text += more
                target = .string(text)
            } else {
                target = value
            }
            return
        }
        let isList = if case .object(let object) = target { object.isEmpty } else { true }
        if isList, let index = Int(key), index >= 0, index < 4_096 {
            var list: [JSONValue] = []
            if case .array(let elements) = target { list = elements }
            target = .null
            work -= Swift.max(0, index - list.count)
            if work > 0 {
                while list.count <= index { list.append(.null) }
                put(value, at: keys.dropFirst(), in: &list[index], &work)
            }
            target = .array(list)
            return
        }
        var object: JSONObject = [:]
        if case .object(let members) = target { object = members }
        target = .null
        work -= object.count
        if work > 0 { object.change(key) { put(value, at: keys.dropFirst(), in: &$0, &work) } }
        target = .object(object)
    }
}
