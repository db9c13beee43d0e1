import Dialects
import HTTP1
import NIOCore
import Testing

@testable import ProxyCore

/// A stream that was opened while its request waited: what comes then is part of it.
struct OpenedStreamWriterTests {
    /// What went to the client.
    private final class Client: ResponseWriter {
        var text = ""
        var ends = 0
        var isWritable: Bool { true }
        var bytesOnTheWay: Int { 0 }

        func draft(status: Int, room: Int, _ fields: (inout HeadCursor) -> Void) -> ResponseDraft {
            text += "<head \(status)>"
            return ResponseDraft(status: status)
        }

        func frame(_ draft: inout ResponseDraft, length: Int?) {}
        func send(_ draft: inout ResponseDraft) {}
        func write(_ bytes: UnsafeRawBufferPointer) { text += String(decoding: bytes, as: UTF8.self) }
        func end() { ends += 1 }
        func flush() {}
        func withdraw() -> Bool { true }
        func finish(keepAlive: Bool) { text += keepAlive ? "<finish>" : "<close>" }
        func abort() { text += "<abort>" }
        func giveUp() {}
    }

    private static func opened(_ dialect: ClientDialect) -> (Client, OpenedStreamWriter) {
        let client = Client()
        return (client, OpenedStreamWriter(client, dialect: dialect, requestID: "req_1"))
    }

    private static func write(_ text: String, to writer: OpenedStreamWriter) {
        Array(text.utf8).withUnsafeBytes { writer.write($0) }
    }

    @Test func `events pass, and no second head`() {
        let (client, writer) = Self.opened(.anthropic)
        var draft = writer.draft(status: 200, room: 10) { $0.field("content-type", "text/event-stream") }
        writer.frame(&draft, length: nil)
        writer.send(&draft)
        Self.write("event: message_start\n\n", to: writer)
        Self.write("data: {}\n\n", to: writer)
        writer.end()
        writer.finish(keepAlive: true)
        #expect(client.text == "event: message_start\n\ndata: {}\n\n<finish>")
        #expect(client.ends == 1)
    }

    @Test(arguments: [
        (ClientDialect.anthropic, #""error""#), (.openai, #""error""#), (.responses, "response.failed"),
    ])
    func `an error is the stream's last event`(dialect: ClientDialect, mark: String) {
        let (client, writer) = Self.opened(dialect)
        writer.reply(status: 429, room: 10, body: Array(#"{"error":{"message":"back in 9 s"}}"#.utf8)) { _ in }
        writer.finish(keepAlive: true)
        #expect(client.text.contains("back in 9 s"))
        #expect(client.text.contains(mark))
        #expect(client.text.hasSuffix("\n\n<finish>"))
        #expect(!client.text.contains("<head"))
        #expect(client.ends == 1)
    }

    @Test(arguments: ["{\"id\":1}", "\u{1F}\u{8B}", "<html>"])
    func `what is no stream is said as an error`(body: String) {
        let (client, writer) = Self.opened(.openai)
        writer.reply(status: 200, room: 10, body: Array(body.utf8)) { _ in }
        writer.finish(keepAlive: false)
        #expect(client.text.hasPrefix("data: "))
        #expect(client.text.contains("no stream of events"))
        #expect(client.text.hasSuffix("<close>"))
    }

    @Test func `nothing of it can be taken back`() {
        let (_, writer) = Self.opened(.openai)
        #expect(!writer.withdraw())
    }
}
