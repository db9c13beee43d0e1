import Basics
import Testing

@testable import Dialects

/// Responses made at random: what goes in comes out, in one block at a time, whatever the upstream's stream mixed.
@Suite("Random answers")
struct RandomResponsesTests {
    /// A response, and a Chat stream that says it with everything interleaved.
    private struct Sample {
        var text = ""
        var thoughts = ""
        var calls: [(id: String, name: String, arguments: JSONValue)] = []
        var stream = ""

        init(seed: UInt64) {
            var random = SplitMix64(state: seed)
            let pieces = ["a", "é", "\"q\"", "\\", "\n", "😀", "{", "}", "end"]
            var events: [JSONObject] = []
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let piece = pieces.randomElement(using: &random) ?? ""
                thoughts += piece
                events.append(["reasoning_content": .string(piece)])
            }
            var fragments: [[JSONObject]] = []
            let isNumbered = Bool.random(using: &random)
            for number in 0..<Int.random(in: 0...4, using: &random) {
                let (id, name) = ("call_\(number)", "tool_\(Int.random(in: 0...2, using: &random))")
                let value: JSONValue = [
                    "k\(number)": .string(pieces.randomElement(using: &random) ?? ""), "list": [1, [], ["x": "]}"]],
                ]
                calls.append((id, name, value))
                fragments.append(
                    Self.fragments(index: isNumbered ? number + 1 : nil, id, name, value.text, &random))
            }
            // Calls without an index can only be told apart when they come one after the other.
            var queues = isNumbered ? fragments : [fragments.flatMap { $0 }]
            while queues.contains(where: { !$0.isEmpty }) {
                if Int.random(in: 0..<4, using: &random) == 0 {
                    let piece = pieces.randomElement(using: &random) ?? ""
                    text += piece
                    events.append(["content": .string(piece)])
                }
                let open = queues.indices.filter { !queues[$0].isEmpty }
                guard let queue = open.randomElement(using: &random) else { break }
                events.append(["tool_calls": [.object(queues[queue].removeFirst())]])
            }
            if calls.isEmpty || Bool.random(using: &random) {
                text += "last"
                events.append(["content": "last"])
            }
            stream = events.map { Self.event([["index": 0, "delta": .object($0), "finish_reason": .null]]) }.joined()
            let finish: JSONValue = Bool.random(using: &random) ? "stop" : "tool_calls"
            stream += Self.event([["index": 0, "delta": [:], "finish_reason": finish]]) + "data: [DONE]\n\n"
        }

        private static func event(_ choices: JSONValue) -> String {
            let value: JSONValue = ["id": "c", "model": "m", "choices": choices]
            return "data: \(value.text)\n\n"
        }

        /// A call in pieces: its id and name first, its arguments cut anywhere.
        private static func fragments(
            index: Int?, _ id: String, _ name: String, _ arguments: String, _ random: inout SplitMix64
        ) -> [JSONObject] {
            var scalars = Array(arguments.unicodeScalars)
            var result: [JSONObject] = []
            var isFirst = true
            while isFirst || !scalars.isEmpty {
                let count = Swift.min(scalars.count, Int.random(in: 0...9, using: &random))
                var piece = String.UnicodeScalarView()
                piece.append(contentsOf: scalars.prefix(count))
                scalars.removeFirst(count)
                var function: JSONObject = isFirst ? ["name": .string(name)] : [:]
                function.append("arguments", .string(String(piece)))
                var call: JSONObject = [:]
                call.append("index", ifPresent: index.map { .int($0) })
                if isFirst { call.append("id", .string(id)) }
                call.append("function", .object(function))
                result.append(call)
                isFirst = false
            }
            return result
        }
    }

    private func context(_ client: ClientDialect) -> ConversionContext {
        ConversionContext(client: client, upstream: .openai, model: "m", now: 1)
    }

    private func converted(_ pieces: [[UInt8]], _ client: ClientDialect) -> [UInt8] {
        var converter = StreamConverter(context(client))
        var out: [UInt8] = []
        for piece in pieces { _ = piece.withUnsafeBytes { converter.consume($0, into: &out) } }
        _ = converter.finish(into: &out)
        return out
    }

    @Test("an Anthropic client gets every text, thought and call, one block after the other", arguments: 1...60)
    func messages(_ seed: Int) throws {
        let sample = Sample(seed: UInt64(seed))
        let whole = converted(Cut.whole.pieces(of: sample.stream), .anthropic)
        #expect(converted(Cut.random.pieces(of: sample.stream, seed: UInt64(seed)), .anthropic) == whole)
        var (text, thoughts) = ("", "")
        var calls: [String: (name: String, json: String)] = [:]
        var open: (index: Int, kind: String, id: String)?
        var count = 0
        var reader = SSEReader()
        whole.withUnsafeBytes { bytes in
            reader.consume(bytes) { event in
                guard let value = try? JSONValue(parsing: event.data) else { return }
                switch value["type"]?.string {
                case "content_block_start":
                    let block = value["content_block"]
                    #expect(open == nil && value["index"]?.int == count)
                    open = (count, block?["type"]?.string ?? "", block?["id"]?.string ?? "")
                    if let id = block?["id"]?.string { calls[id] = (block?["name"]?.string ?? "", "") }
                    count += 1
                case "content_block_delta":
                    #expect(value["index"]?.int == open?.index)
                    text += value["delta"]?["text"]?.string ?? ""
                    thoughts += value["delta"]?["thinking"]?.string ?? ""
                    if let json = value["delta"]?["partial_json"]?.string { calls[open?.id ?? ""]?.json += json }
                case "content_block_stop": open = nil
                case "message_delta":
                    #expect(open == nil)
                    #expect(value["delta"]?["stop_reason"] == (sample.calls.isEmpty ? "end_turn" : "tool_use"))
                default: break
                }
            }
        }
        #expect(text == sample.text && thoughts == sample.thoughts && calls.count == sample.calls.count)
        for call in sample.calls {
            #expect(calls[call.id]?.name == call.name)
            #expect(try JSONValue(parsing: calls[call.id]?.json ?? "") == call.arguments)
        }
    }

    @Test(
        "what each client reads from its stream is the whole answer",
        arguments: 1...30, [ClientDialect.anthropic, .responses, .gemini])
    func parity(_ seed: Int, _ client: ClientDialect) throws {
        let sample = Sample(seed: UInt64(seed))
        let whole = try withBytes(sample.stream) { bytes in
            try ResponseConverter.fold(stream: bytes, context(client))
        }
        let read = try converted([Array(sample.stream.utf8)], client).withUnsafeBytes { bytes in
            try ResponseConverter.fold(
                stream: bytes, ConversionContext(client: client, upstream: UpstreamDialect(client), now: 1))
        }
        #expect(GoldenTests.comparable(whole.body) == GoldenTests.comparable(read.body))
    }
}
