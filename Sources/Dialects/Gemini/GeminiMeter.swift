import Basics

/// What the meter looks for in the chunks of Gemini.
extension MeterCore {
    static func mayEndGemini(_ data: UnsafeRawBufferPointer) -> Bool { ByteSearch.contains("\"finishreason\"", in: data) }

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
