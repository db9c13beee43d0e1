import Basics

@testable import Dialects

/// A kind of upstream that there is none of: all that one has to say of itself, in a folder of its own. It shares no shape with any
/// client's format, has a framing of its own, names errors in its heads and signs every request.
struct TelegraphUpstream: UpstreamFormat {
    var label: String { "telegraph" }
    var kin: ClientDialect { .openai }

    func write(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        if request.topK != nil { try work.note(.topK, .dropped) }
        var lines: [JSONValue] = []
        for turn in request.turns {
            for case .text(let text) in turn.blocks { lines.append([turn.role.label == "user" ? "ask" : "said": text.text]) }
        }
        return ["to": .string(work.model), "lines": .array(lines)]
    }

    func path(model: String, isStreaming: Bool) -> String { isStreaming ? "/wire" : "/letter" }

    var countsTokens: Bool { true }
    func question(_ object: JSONObject, model: String) -> (body: JSONObject, path: String) { (object, "/price") }
    func count(in said: UnsafeRawBufferPointer) -> Int? { TokenCounting.integer("words", in: said) }

    var responseFormat: any ResponseFormat { FramedResponseFormat(LineFraming.self, TelegraphReader.self) }
    func isResponse(_ body: UnsafeRawBufferPointer) -> Bool { JSONScan.find("say", of: body) != nil }
    func fault(in body: UnsafeRawBufferPointer) -> UpstreamError { .broken("the wire is dead") }

    func error(status: Int, body: UnsafeRawBufferPointer, header: (StaticString) -> String?) -> UpstreamError {
        guard let word = header("x-telegraph-error") else { return UpstreamError.read(status: status, body: body) }
        return UpstreamError(errorClass: word == "queue" ? .overloaded : .badRequest, status: status, message: word)
    }

    func signer(_ secret: String) -> RequestSigner {
        .each { request in
            [
                CredentialField("x-time", String(request.now)),
                CredentialField("x-seal", SHA256.hex("\(secret) \(request.method) \(request.now) \(request.body.count)", 16)),
            ]
        }
    }
}

/// A line is an event: its first word names it, the rest is its data.
struct LineFraming: EventFraming {
    private let maxEventBytes: Int
    private var line: [UInt8] = []
    var stray: [UInt8] { [] }

    init(maxEventBytes: Int) { self.maxEventBytes = maxEventBytes }

    mutating func consume(_ bytes: UnsafeRawBufferPointer, to sink: inout some SSEEventSink) {
        for byte in bytes {
            if byte == 0x0A { finish(to: &sink) } else { line.append(byte) }
        }
        if line.count > maxEventBytes { sink.missed() }
    }

    mutating func finish(to sink: inout some SSEEventSink) {
        guard !line.isEmpty else { return }
        let space = line.firstIndex(of: 0x20) ?? line.count
        line.withUnsafeBytes {
            sink.take(SSEEvent(name: $0.slice(0..<space), data: $0.slice(Swift.min(space + 1, $0.count)..<$0.count)))
        }
        line = []
    }
}

struct TelegraphReader: ResponseReader {
    private(set) var usage: TokenUsage?
    private var isOver = false

    mutating func read(_ event: SSEEvent, to events: inout some ResponseEvents) {
        if event.name.equals("from") {
            events.start(id: UnsafeRawBufferPointer(start: nil, count: 0), model: event.data)
        } else if event.name.equals("say") {
            events.text(event.data)
        } else if event.name.equals("words") {
            usage = TokenUsage(output: Int(String(decoding: event.data, as: UTF8.self)) ?? 0)
            if let usage { events.note(usage) }
        } else if event.name.equals("stop") {
            isOver = true
            events.end(ResponseEnding(reason: .endTurn))
        } else if event.name.equals("fault") {
            isOver = true
            events.fail(.broken(String(decoding: event.data, as: UTF8.self)))
        }
    }

    mutating func close(to events: inout some ResponseEvents) {
        if !isOver { events.fail(.truncated) }
    }

    mutating func readWhole(_ body: UnsafeRawBufferPointer, to events: inout some ResponseEvents) {
        events.text(body.inner(of: "say"))
        usage = TokenUsage(output: TokenCounting.integer("words", in: body) ?? 0)
        if let usage { events.note(usage) }
        events.end(ResponseEnding(reason: .endTurn))
        isOver = true
    }
}
