import Basics

/// What the meter looks for in the events of each format.
extension MeterCore {
    // MARK: Anthropic Messages

    mutating func lookAtMessages(_ data: UnsafeRawBufferPointer) {
        let type = EventType(of: data)
        if type.starts("content_block_") {
            isKnown = true
            if type.equals("content_block_delta") {
                text.take(data)
            } else if type.equals("content_block_start") {
                text.takeAlone(data)
            }
            if !raised.contains(.content) { lookAtFirstBlock(data, type) }
        } else if type.equals("message_start") {
            isKnown = true
            guard let message = JSONScan.find("message", of: data) else { return }
            if let usage = JSONScan.find("usage", of: data, in: message.value) { tally.merge(data, in: usage.value, .anthropic) }
            if let name = JSONScan.find("model", of: data, in: message.value) {
                model = JSONScan.string(of: data, in: name.value)
            }
        } else if type.equals("message_delta") {
            if let usage = JSONScan.find("usage", of: data) { tally.merge(data, in: usage.value, .anthropic) }
            guard let delta = JSONScan.find("delta", of: data),
                let reason = JSONScan.find("stop_reason", of: data, in: delta.value), reason.kind == .string
            else { return }
            stopReason = JSONScan.string(of: data, in: reason.value)
            hasFinish = true
            raised.insert(.content)
        } else if type.equals("message_stop") {
            hasFinish = true
            raised.formUnion([.content, .terminal])
        } else if type.equals("error") {
            fail(with: data)
        } else if type.isEmpty, JSONScan.find("error", of: data) != nil {
            fail(with: data)
        } else if type.equals("ping") {
            isKnown = true
        } else {
            isForeign = true
        }
    }

    /// A block that starts with text is only as good as its first words: one upstream says in them that there is no answer.
    private mutating func lookAtFirstBlock(_ data: UnsafeRawBufferPointer, _ type: EventType) {
        if type.equals("content_block_start") {
            guard let block = JSONScan.find("content_block", of: data),
                let kind = JSONScan.find("type", of: data, in: block.value)
            else { return }
            let isText = data.slice(kind.value).equals("\"text\"")
            let text = JSONScan.find("text", of: data, in: block.value)
            if isText, text.map({ $0.value.count <= 2 }) ?? true { return }
        } else if type.equals("content_block_delta") {
            guard let delta = JSONScan.find("delta", of: data) else { return }
            if let text = JSONScan.find("text", of: data, in: delta.value), Self.isPlaceholder(data.slice(text.value)) {
                error = UpstreamError(
                    errorClass: .upstreamBroken, status: 502, message: "the upstream gave an empty answer", type: "api_error")
                raised.insert(.error)
                return
            }
        }
        hasAnswer = true
        raised.insert(.content)
    }

    /// What an Antigravity-style upstream writes when it got nothing from its own (conversion.md 9.3).
    static func isPlaceholder(_ text: UnsafeRawBufferPointer) -> Bool {
        text.equals("\"[No response after retries - please try again]\"")
    }

    // MARK: OpenAI Chat Completions

    mutating func lookAtChat(_ data: UnsafeRawBufferPointer) {
        if data.count < 32, SSEReader.isDone(data) {
            endsEmpty = !raised.contains(.content)
            raised.formUnion([.content, .terminal])
            return
        }
        text.take(data)
        if raised.contains(.content), model != nil, !mayHoldNews(data) { return }
        var cursor = JSONCursor(data)
        guard (try? cursor.open(.object)) != nil else {
            isForeign = true
            return
        }
        var isChunk = false
        while let member = (try? cursor.nextMember()) ?? nil {
            switch member.kind {
            case .string:
                if model == nil, member.value.count > 2, member.key(equals: "model", in: data) {
                    model = JSONScan.string(of: data, in: member.value)
                }
                if member.key(equals: "error", in: data) { fail(with: data) }
            case .object:
                if member.key(equals: "usage", in: data) { tally.merge(data, in: member.value, dialect) }
                if member.key(equals: "error", in: data) { fail(with: data) }
            case .array:
                if member.key(equals: "choices", in: data) {
                    isChunk = true
                    isKnown = true
                    lookAtChoice(data, member.value)
                }
            case .number, .true, .false, .null: continue
            }
        }
        if !isChunk, error == nil { isForeign = true }
    }

    /// Whether a chat chunk may hold usage, an error or the finish: a key that starts like one of theirs, with a value.
    private func mayHoldNews(_ data: UnsafeRawBufferPointer) -> Bool {
        guard let base = data.baseAddress else { return false }
        var index = 0
        while true {
            index = ByteSearch.quoted(base, from: index, to: data.count, 0x75, 0x65, 0x66)
            guard index < data.count else { return false }
            var after = index
            if ByteSearch.has("\"usage\"", base, at: index, to: data.count) {
                after &+= 7
            } else if ByteSearch.has("\"finish_reason\"", base, at: index, to: data.count) {
                after &+= 15
            } else if ByteSearch.has("\"error\"", base, at: index, to: data.count) {
                after &+= 7
            } else {
                index &+= 1
                continue
            }
            while after < data.count, data[after] <= 0x20 || data[after] == 0x3A { after &+= 1 }
            if !ByteSearch.has("null", base, at: after, to: data.count) { return true }
            index = after
        }
    }

    private mutating func lookAtChoice(_ data: UnsafeRawBufferPointer, _ range: Range<Int>) {
        var cursor = JSONCursor(data, in: range)
        guard (try? cursor.open(.array)) != nil, let first = (try? cursor.nextElement()) ?? nil else { return }
        var choice = JSONCursor(data, in: first.value)
        guard (try? choice.open(.object)) != nil else { return }
        while let member = (try? choice.nextMember()) ?? nil {
            switch member.kind {
            case .string:
                if member.key(equals: "finish_reason", in: data) {
                    stopReason = JSONScan.string(of: data, in: member.value)
                    hasFinish = true
                    raised.insert(.content)
                } else if member.key(equals: "text", in: data), member.value.count > 2 {
                    // The older completions endpoint has its text here.
                    hasAnswer = true
                    raised.insert(.content)
                }
            case .object:
                if member.key(equals: "delta", in: data) || member.key(equals: "message", in: data) {
                    lookAtDelta(data, member.value)
                }
            case .number, .true, .false, .null, .array: continue
            }
        }
    }

    private mutating func lookAtDelta(_ data: UnsafeRawBufferPointer, _ range: Range<Int>) {
        guard !hasAnswer else { return }
        var cursor = JSONCursor(data, in: range)
        guard (try? cursor.open(.object)) != nil else { return }
        while let member = (try? cursor.nextMember()) ?? nil {
            guard member.value.count > 2, member.kind == .string || member.kind == .array || member.kind == .object else {
                continue
            }
            let key = data.slice(member.key)
            if key.equals("content") || key.equals("tool_calls") || key.equals("function_call") || key.equals("refusal") {
                hasAnswer = true
                raised.insert(.content)
            } else if key.starts("reasoning") || key.equals("audio") || key.equals("images") {
                raised.insert(.content)
            }
        }
    }

    // MARK: OpenAI Responses

    mutating func lookAtResponses(_ data: UnsafeRawBufferPointer) {
        let type = EventType(of: data)
        if type.equals("error") || type.equals("response.failed") {
            fail(with: data)
            return
        }
        if type.starts("response.") { isKnown = true } else { isForeign = true }
        let isEnd = type.equals("response.completed") || type.equals("response.incomplete")
        let isStart = type.equals("response.created") || type.equals("response.in_progress") || type.equals("response.queued")
        if isEnd || (isStart && model == nil) {
            guard let response = JSONScan.find("response", of: data) else { return }
            if let name = JSONScan.find("model", of: data, in: response.value), name.kind == .string {
                model = JSONScan.string(of: data, in: name.value)
            }
            if let usage = JSONScan.find("usage", of: data, in: response.value) { tally.merge(data, in: usage.value, .responses) }
            if isEnd, let status = JSONScan.find("status", of: data, in: response.value) {
                stopReason = JSONScan.string(of: data, in: status.value)
            }
        }
        if isEnd {
            raised.formUnion([.content, .terminal])
        } else if type.starts("response."), !isStart {
            if type.ends(".delta") { text.take(data) }
            raised.insert(.content)
        } else if type.isEmpty, JSONScan.find("error", of: data) != nil {
            fail(with: data)
        }
    }

    // MARK: Gemini

    mutating func lookAtGemini(_ data: UnsafeRawBufferPointer) {
        text.take(data)
        var cursor = JSONCursor(data)
        guard (try? cursor.open(.object)) != nil else {
            isForeign = true
            return
        }
        var isEnd = false
        while let member = (try? cursor.nextMember()) ?? nil {
            let key = data.slice(member.key)
            if key.equals("usageMetadata") {
                isKnown = true
                tally.merge(data, in: member.value, .gemini)
            } else if key.equals("modelVersion"), model == nil {
                model = JSONScan.string(of: data, in: member.value)
            } else if key.equals("error"), member.kind != .null {
                fail(with: data)
            } else if key.equals("candidates") {
                isKnown = true
                if lookAtCandidate(data, member.value) { isEnd = true }
            } else if key.equals("promptFeedback"), let block = JSONScan.find("blockReason", of: data, in: member.value) {
                stopReason = JSONScan.string(of: data, in: block.value)
                isEnd = true
            }
        }
        if !isKnown, error == nil { isForeign = true }
        if isEnd {
            isKnown = true
            hasFinish = true
            raised.formUnion([.content, .terminal])
        }
    }

    /// Whether the first candidate says that it is finished.
    private mutating func lookAtCandidate(_ data: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        var cursor = JSONCursor(data, in: range)
        guard (try? cursor.open(.array)) != nil, let first = (try? cursor.nextElement()) ?? nil else { return false }
        if !raised.contains(.content), let content = JSONScan.find("content", of: data, in: first.value),
            let parts = JSONScan.find("parts", of: data, in: content.value)
        {
            var partCursor = JSONCursor(data, in: parts.value)
            if (try? partCursor.open(.array)) != nil, ((try? partCursor.nextElement()) ?? nil) != nil { raised.insert(.content) }
        }
        guard let reason = JSONScan.find("finishReason", of: data, in: first.value), reason.kind == .string else { return false }
        stopReason = JSONScan.string(of: data, in: reason.value)
        return true
    }
}
