import Basics

/// What the meter looks for in the events of OpenAI Responses.
extension MeterCore {
    static func endsResponses(_ data: UnsafeRawBufferPointer) -> Bool { endsResponses(EventType(of: data)) }

    private static func endsResponses(_ type: EventType) -> Bool {
        type.equals("response.completed") || type.equals("response.incomplete")
    }

    private static func firstSequence(_ data: UnsafeRawBufferPointer) -> Int {
        let number = JSONScan.find("sequence_number", of: data).flatMap { JSONScan.integer(of: data, in: $0.value) } ?? 0
        return Swift.min(Swift.max(number, 0), 1 << 32)
    }

    mutating func lookAtResponses(_ data: UnsafeRawBufferPointer) {
        let type = EventType(of: data)
        if nextSequence == 0 { nextSequence = Self.firstSequence(data) }
        nextSequence &+= 1
        if type.equals("error") || type.equals("response.failed") {
            fail(with: data)
            return
        }
        if type.starts("response.") { isKnown = true } else { isForeign = true }
        let isEnd = Self.endsResponses(type)
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
        } else if !type.starts("response."), error == nil, let odd = ResponseFault.odd(data, dialect: .responses) {
            error = odd
            raised.insert(.error)
        }
    }
}
