import Dialects
import Testing

@testable import ProxyCore

/// Responses of which no copy is kept: what they have used is told by their beginning or their end.
struct LongResponseTests {
    /// Takes a document in pieces of 1,000 bytes, of which the first is what had come before there was no more room.
    private func told(_ document: String, isCompressed: Bool = false, _ dialect: ClientDialect) -> (TokenUsage?, LongResponse) {
        var long = LongResponse()
        var rest = Array(document.utf8)[...]
        let beginning = Array(rest.prefix(1000))
        rest = rest.dropFirst(1000)
        beginning.withUnsafeBytes { long.keepEnd(of: $0, isCompressed: isCompressed, dialect) }
        while !rest.isEmpty {
            let piece = Array(rest.prefix(1000))
            rest = rest.dropFirst(1000)
            _ = piece.withUnsafeBytes { long.take($0) }
        }
        return (long.told(dialect), long)
    }

    private let text = String(repeating: #"x \"usage\":{\"output_tokens\":9} "#, count: 20_000)

    @Test func `the usage at the end, behind a text that is longer than what is kept`() {
        let (usage, long) = told(
            #"{"id":"m","content":[{"type":"text","text":"\#(text)"}],"usage":{"input_tokens":10,"output_tokens":3},"x":[1,2]}"#,
            .anthropic)
        #expect(usage?.input == 10 && usage?.output == 3)
        #expect(long.lastSolid == UInt8(ascii: "}") && long.kept == nil)
        #expect((long.passedBytes ?? 0) > 600_000)
    }

    @Test func `Gemini's, and a usage within the content that is none`() {
        let (usage, _) = told(
            #"{"candidates":[{"content":{"parts":[{"text":"\#(text)"},{"a":{"usageMetadata":{"promptTokenCount":99}}}]}}],"#
                + #""usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":3,"totalTokenCount":13}}"#, .gemini)
        #expect(usage?.input == 10 && usage?.output == 3)
    }

    @Test func `the usage at the beginning`() {
        let (usage, _) = told(
            #"{"id":"c","usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13},"choices":[{"message":{"content":"\#(text)"}}]}"#,
            .openai)
        #expect(usage?.input == 10 && usage?.output == 3)
    }

    @Test func `nothing told, and nothing read of what is compressed`() {
        #expect(told(#"{"choices":[{"message":{"content":"\#(text)"}}]}"#, .openai).0 == nil)
        let (usage, long) = told(#"{"t":"\#(text)","usage":{"prompt_tokens":10}}"#, isCompressed: true, .openai)
        #expect(usage == nil && (long.passedBytes ?? 0) > 600_000)
    }
}
