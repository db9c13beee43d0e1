import Basics

/// What the meter looks for in the chunks of Gemini.
extension MeterCore {
    static func mayEndGemini(_ data: UnsafeRawBufferPointer) -> Bool { ByteSearch.contains("\"finishreason\"", in: data) }

    mutating func lookAtGemini(_ data: UnsafeRawBufferPointer) {
        var cursor = JSONCursor(data)
        guard (try? cursor.open(.object)) != nil else {
            if let listed = data.firstListedObject { return lookAtGemini(listed) }
            isForeign = true
            return
        }
        text.take(data)
        var isEnd = false
        var isChunk = false
        while let member = (try? cursor.nextMember()) ?? nil {
            let key = data.slice(member.key)
            if key.equals("usageMetadata") {
                isKnown = true
                isChunk = true
                tally.merge(data, in: member.value, .gemini)
            } else if key.equals("modelVersion"), model == nil {
                model = JSONScan.string(of: data, in: member.value)
            } else if key.equals("error"), member.kind != .null {
                fail(with: data)
            } else if key.equals("candidates") {
                isKnown = true
                isChunk = true
                if lookAtCandidate(data, member.value) { isEnd = true }
            } else if key.equals("promptFeedback"), let block = JSONScan.find("blockReason", of: data, in: member.value) {
                stopReason = JSONScan.string(of: data, in: block.value)
                isEnd = true
                isChunk = true
            }
        }
        if !isChunk, error == nil, let odd = ResponseFault.odd(data, dialect: .gemini) {
            error = odd
            raised.insert(.error)
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

extension UnsafeRawBufferPointer {
    /// The object that is the first element of the list that these bytes are: an error of Google's may come so, also in an event.
    var firstListedObject: UnsafeRawBufferPointer? {
        var cursor = JSONCursor(self)
        guard cursor.isAt(0x5B), (try? cursor.open(.array)) != nil, let first = (try? cursor.nextElement()) ?? nil,
            first.kind == .object
        else { return nil }
        return slice(first.value)
    }
}
