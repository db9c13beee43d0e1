import Testing

@testable import Dialects

/// A response that passes is metered, one that is converted is read: both say the same of it.
@Suite("Meter and reader agree")
struct MeterAgreementTests {
    @Test("streams", arguments: Golden.sources("Answers", ending: "sse"))
    func streams(_ source: Golden.Source) throws {
        let stream = String(decoding: try source.contents(), as: UTF8.self)
        for cut in Cut.allCases {
            var meter = StreamMeter(dialect: source.dialect)
            // Any other client would do: what is compared is the upstream's.
            var reader = StreamConverter(
                ConversionContext(
                    client: source.dialect == .openai ? .anthropic : .openai, upstream: UpstreamDialect(source.dialect)))
            var out: [UInt8] = []
            for piece in cut.pieces(of: stream) {
                piece.withUnsafeBytes {
                    _ = meter.consume($0)
                    _ = reader.consume($0, into: &out)
                }
            }
            _ = meter.finish()
            _ = reader.finish(into: &out)
            #expect(meter.usage == reader.usage, "\(cut)")
            if let error = reader.error, error.message.hasPrefix("the upstream stopped without an answer") {
                // Gemini's own clients know its word for a response that came to nothing; others are told so by an error.
                #expect(source.dialect == .gemini && meter.isComplete && meter.stopReason != nil, "\(cut)")
                continue
            }
            #expect(meter.isComplete == reader.isComplete, "\(cut)")
            #expect((meter.error == nil) == (reader.error == nil) || !meter.isComplete, "\(cut)")
            if meter.error != nil { #expect(meter.error?.errorClass == reader.error?.errorClass, "\(cut)") }
            // What ends with an error ended for no reason of the model's.
            guard meter.isComplete else { continue }
            let reasons = meter.stopReason.map { Self.meanings(of: $0, in: source.dialect) } ?? []
            #expect(reasons.contains(reader.stopReason ?? ""), "\(cut): \(meter.stopReason ?? "") \(reader.stopReason ?? "")")
        }
    }

    @Test("whole answers", arguments: Golden.sources("Answers", ending: "json"))
    func wholes(_ source: Golden.Source) throws {
        let body = try source.contents()
        let context = ConversionContext(
            client: source.dialect == .openai ? .anthropic : .openai, upstream: UpstreamDialect(source.dialect))
        body.withUnsafeBytes { bytes in
            let meter = BodyMeter(bytes, dialect: source.dialect, promise: .response)
            let response = try? ResponseConverter.convertWhole(bytes, context)
            if let response { #expect(meter.keepsPromise && meter.usage == response.usage) }
            if !meter.keepsPromise { #expect(response == nil) }
        }
    }

    /// What a vendor's word for the end of an answer may mean; where there are several, what came before it decides.
    private static func meanings(of word: String, in dialect: ClientDialect) -> [String] {
        switch (dialect, word) {
        case (.anthropic, "end_turn"): ["endTurn"]
        case (.anthropic, "stop_sequence"): ["stopSequence"]
        case (.anthropic, "tool_use"): ["toolUse"]
        case (.anthropic, "pause_turn"): ["pauseTurn"]
        case (.anthropic, "max_tokens"), (.openai, "length"), (.gemini, "MAX_TOKENS"): ["maxTokens"]
        // Some upstreams end calls with it.
        case (.openai, "stop"): ["endTurn", "toolUse", "refusal"]
        case (.openai, "tool_calls"): ["toolUse"]
        case (.anthropic, "refusal"), (.openai, "content_filter"), (.gemini, "SAFETY"): ["refusal"]
        case (.responses, "completed"): ["endTurn", "toolUse", "refusal"]
        case (.responses, "incomplete"): ["maxTokens", "refusal"]
        case (.gemini, "STOP"): ["endTurn", "toolUse"]
        default: []
        }
    }
}
