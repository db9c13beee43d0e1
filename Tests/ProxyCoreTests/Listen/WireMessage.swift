import HTTP1

@testable import ProxyCore

/// A message as it went over the wire, read by our own codec.
struct WireMessage {
    /// Of a response.
    var status = 0
    var fields: [String: String] = [:]
    var body = ""
    /// Whether the body came to its end, as its framing says.
    var isWhole = true

    subscript(name: String) -> String? { fields[name] }

    /// The responses to requests of these methods, then to POST.
    static func responses(_ bytes: [UInt8], to methods: [HTTPMethod] = []) -> [WireMessage] {
        var messages: [WireMessage] = []
        var methods = methods[...]
        bytes.withUnsafeBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                var parser = HTTPResponseParser(limits: HTTPLimits())
                var head = HTTPResponseHead()
                guard case .complete = parser.parse(rest, request: methods.first ?? .post, into: &head) else {
                    messages.append(WireMessage(body: String(decoding: rest, as: UTF8.self), isWhole: false))
                    return
                }
                if head.status >= 200 { methods = methods.dropFirst() }
                var message = WireMessage(status: head.status, fields: Self.fields(head.fields, rest))
                rest = UnsafeRawBufferPointer(rebasing: rest[head.byteCount...])
                rest = message.read(head.framing, rest)
                messages.append(message)
            }
        }
        return messages
    }

    /// The requests.
    static func requests(_ bytes: [UInt8]) -> [WireMessage] {
        var messages: [WireMessage] = []
        bytes.withUnsafeBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                var parser = HTTPRequestParser(limits: HTTPLimits())
                var head = HTTPRequestHead()
                guard case .complete = parser.parse(rest, into: &head) else {
                    messages.append(WireMessage(body: String(decoding: rest, as: UTF8.self), isWhole: false))
                    return
                }
                var message = WireMessage(fields: Self.fields(head.fields, rest))
                rest = UnsafeRawBufferPointer(rebasing: rest[head.byteCount...])
                rest = message.read(head.framing, rest)
                messages.append(message)
            }
        }
        return messages
    }

    private static func fields(_ fields: [HTTPField], _ bytes: UnsafeRawBufferPointer) -> [String: String] {
        Dictionary(
            fields.map { ($0.name.string(in: bytes).lowercased(), $0.value.string(in: bytes)) },
            uniquingKeysWith: { "\($0), \($1)" })
    }

    /// What is behind the body.
    private mutating func read(_ framing: BodyFraming, _ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var used = 0
        switch framing {
        case .none: break
        case .length(let length):
            used = min(length, bytes.count)
            isWhole = used == length
            body = String(decoding: bytes[..<used], as: UTF8.self)
        case .untilClose:
            used = bytes.count
            body = String(decoding: bytes, as: UTF8.self)
        case .chunked:
            var chunks = ChunkedDecoder()
            var pieces: [UInt8] = []
            let (pass, consumed) = chunks.forEach(in: bytes) { piece in
                pieces.append(contentsOf: piece)
                return true
            }
            body = String(decoding: pieces, as: UTF8.self)
            isWhole = pass == .ended
            used = isWhole ? consumed : bytes.count
        }
        return UnsafeRawBufferPointer(rebasing: bytes[used...])
    }
}

extension WireChannel {
    /// The responses that have left since the last call.
    func takeResponses(to methods: [HTTPMethod] = []) -> [WireMessage] { WireMessage.responses(take(), to: methods) }

    func takeStatuses() -> [Int] { takeResponses().map(\.status) }
}
