import Basics

/// What the meter looks for in the chunks of OpenAI Chat Completions.
extension MeterCore {
    static func endsChat(_ data: UnsafeRawBufferPointer) -> Bool { SSEReader.isDone(data) }

    mutating func lookAtChat(_ data: UnsafeRawBufferPointer) {
        if data.count < 32, SSEReader.isDone(data) {
            failIfUnexplained()
            // An error has said why nothing else came.
            endsEmpty = raised.isDisjoint(with: [.content, .error])
            raised.formUnion([.content, .terminal])
            return
        }
        text.take(data)
        if raised.contains(.content), model != nil, Self.beginsAsChunk(data), !mayHoldNews(data) { return }
        var cursor = JSONCursor(data)
        guard (try? cursor.open(.object)) != nil else {
            isForeign = true
            return
        }
        var isChunk = false
        // A chunk of no choice has the usage, or an error that does not call itself one.
        var isBare = true
        while let member = (try? cursor.nextMember()) ?? nil {
            switch member.kind {
            case .string:
                if model == nil, member.value.count > 2, member.key(equals: "model", in: data) {
                    model = JSONScan.string(of: data, in: member.value)
                }
                if member.value.count > 2, member.key(equals: "error", in: data) { fail(with: data) }
            case .object:
                tally.takeChat(data, member)
                if member.value.count > 2, member.key(equals: "error", in: data) { fail(with: data) }
            case .array:
                if member.key(equals: "choices", in: data) {
                    isChunk = true
                    isKnown = true
                    isBare = member.value.count <= 2
                    lookAtChoice(data, member.value)
                }
            case .number: tally.takeChat(data, member)
            case .true, .false, .null: continue
            }
        }
        guard isBare, error == nil else { return }
        if let odd = ResponseFault.odd(data, dialect: dialect) {
            error = odd
            raised.insert(.error)
        } else if !isChunk {
            isForeign = true
            tally.takeMedia(data)
        }
    }

    /// What begins in another way may be an error in words that are no chat's.
    @inline(__always)
    private static func beginsAsChunk(_ data: UnsafeRawBufferPointer) -> Bool {
        data.starts("{\"id\"") || data.starts("{\"choices\"") || data.starts("{\"object\"") || data.starts("{\"created\"")
            || data.starts("{\"model\"")
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
                    if member.value.count > 2 { finish(data, member.value) }
                } else if member.key(equals: "text", in: data), member.value.count > 2 {
                    // The older completions endpoint has its text here.
                    hasResponse = true
                    raised.insert(.content)
                }
            case .object:
                if member.key(equals: "delta", in: data) || member.key(equals: "message", in: data) {
                    lookAtDelta(data, member.value)
                } else if member.value.count > 2, member.key(equals: "error", in: data) {
                    // Servers that ask others have their errors beside what came of the choice.
                    fail(with: data.slice(first.value))
                } else {
                    tally.takeChat(data, member)
                }
            case .number, .true, .false, .null, .array: continue
            }
        }
    }

    private mutating func finish(_ data: UnsafeRawBufferPointer, _ word: Range<Int>) {
        stopReason = JSONScan.string(of: data, in: word)
        guard FinishWords.meaning(of: data.slice(word.lowerBound &+ 1..<word.upperBound &- 1)) != .failure else {
            failedBy = stopReason
            return
        }
        hasFinish = true
        raised.insert(.content)
    }

    private mutating func lookAtDelta(_ data: UnsafeRawBufferPointer, _ range: Range<Int>) {
        if let usage = JSONScan.find("usage", of: data, in: range) { tally.takeChat(data, usage) }
        guard !hasResponse else { return }
        var cursor = JSONCursor(data, in: range)
        guard (try? cursor.open(.object)) != nil else { return }
        while let member = (try? cursor.nextMember()) ?? nil {
            guard member.value.count > 2, member.kind == .string || member.kind == .array || member.kind == .object else {
                continue
            }
            let key = data.slice(member.key)
            if key.equals("content") || key.equals("tool_calls") || key.equals("function_call") || key.equals("refusal") {
                hasResponse = true
                raised.insert(.content)
            } else if key.starts("reasoning") || key.equals("audio") || key.equals("images") {
                raised.insert(.content)
            }
        }
    }
}
