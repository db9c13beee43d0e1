import Basics

/// What the meter looks for in the events of Anthropic Messages.
extension MeterCore {
    static func endsMessages(_ data: UnsafeRawBufferPointer) -> Bool { EventType(of: data).equals("message_stop") }

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
            tally.isOutputEarly = true
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
        } else if error == nil, let odd = ResponseFault.odd(data, dialect: .anthropic) {
            error = odd
            raised.insert(.error)
        } else {
            isForeign = true
        }
    }

    /// A block that starts with text is only as good as its first words: one upstream says in them that there is no response.
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
            if MessagesQuirks.isPlaceholder(data.inner(of: "text", in: delta.value)) {
                error = UpstreamError(
                    errorClass: .upstreamBroken, status: 502, message: "the upstream gave an empty answer", type: "api_error")
                raised.insert(.error)
                return
            }
        }
        hasResponse = true
        raised.insert(.content)
    }
}
