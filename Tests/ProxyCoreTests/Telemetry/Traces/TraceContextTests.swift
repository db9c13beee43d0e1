import HTTP1
import Testing

@testable import ProxyCore

/// W3C Trace Context, as its text has it.
struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"

    private func parse(_ text: String) -> TraceContext? {
        Array(text.utf8).withUnsafeBytes { TraceContext(traceparent: $0) }
    }

    @Test(arguments: [
        ("00-\(trace)-\(span)-01", true), ("00-\(trace)-\(span)-00", false), ("00-\(trace)-\(span)-03", true),
        ("00-\(trace)-\(span)-fe", false), ("01-\(trace)-\(span)-01", true), ("fe-\(trace)-\(span)-01-more", true),
    ])
    func `what is allowed is read`(text: String, isSampled: Bool) throws {
        let context = try #require(parse(text))
        #expect(context.trace.hex == Self.trace)
        #expect(context.parent.hex == Self.span)
        #expect(context.isSampled == isSampled)
    }

    @Test(arguments: [
        "", "00", "00-", "ff-\(trace)-\(span)-01", "00-\(trace)-\(span)-01-", "00-\(trace)-\(span)-01-more",
        "01-\(trace)-\(span)-01more", "00-\(String(repeating: "0", count: 32))-\(span)-01",
        "00-\(trace)-0000000000000000-01", "00-4BF92F3577B34DA6A3CE929D0E0E4736-\(span)-01", "00-\(trace)-\(span)-0",
        "00-\(trace)-\(span)-0G", "0g-\(trace)-\(span)-01", "00_\(trace)_\(span)_01", "00-\(trace)-\(span)",
    ])
    func `what is not allowed is none`(text: String) {
        #expect(parse(text) == nil)
    }

    @Test func `the next server is told the trace, the span and the flag`() {
        func told(_ context: TraceContext, room: Int = 80) -> String? {
            withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { room in
                var head = HeadCursor(room)
                context.write(into: &head, span: 0xFEDC_BA98_7654_3210)
                return head.isOverfull ? nil : String(decoding: room[..<head.count], as: UTF8.self)
            }
        }
        var context = TraceContext(beginning: TraceID(high: 1, low: 0xAB), share: 1)
        #expect(told(context) == "traceparent: 00-000000000000000100000000000000ab-fedcba9876543210-01\r\n")
        context.isSampled = false
        #expect(told(context) == "traceparent: 00-000000000000000100000000000000ab-fedcba9876543210-00\r\n")
        for room in 0..<70 { #expect(told(context, room: room) == nil) }
    }

    @Test(
        arguments: [
            (.max, 1, true), (0, 0, false), (0, 0.000001, true), (.max, 0.999999, false), (1 << 63, 0.5, false),
            ((1 << 63) - 1, 0.5, true), (1, 0.1, true), (1 << 62, 0.1, false),
        ] as [(UInt64, Double, Bool)])
    func `a trace's number alone says whether it is sampled`(low: UInt64, share: Double, isSampled: Bool) {
        #expect(TraceContext.isSampled(TraceID(high: 7, low: low), share: share) == isSampled)
        #expect(TraceContext.isSampled(TraceID(high: 8, low: low), share: share) == isSampled)
    }

    @Test(
        arguments: [
            (["a=1,b=2"], "a=1,b=2"), (["a=1", "b=2"], "a=1,b=2"), ([" a=1 ,\tb=2 , "], "a=1,b=2"), ([""], ""),
            (["t@v=x y!"], "t@v=x y!"), (["a"], nil), (["A=1"], nil), (["a=1,a=2"], nil), (["a="], nil), (["a=1=2"], nil),
            (["=1"], nil), (["a=\u{7}"], nil), (["_a=1"], nil),
        ] as [([String], String?)])
    func `tracestate is passed on where it is one`(lines: [String], joined: String?) {
        #expect(TraceState.joined(lines.map { Array($0.utf8) }) == joined)
    }

    @Test func `tracestate is bounded`() {
        let many = (0..<33).map { "k\($0)=v" }.joined(separator: ",")
        #expect(TraceState.joined([Array(many.utf8)]) == nil)
        let most = (0..<32).map { "k\($0)=v" }.joined(separator: ",")
        #expect(TraceState.joined([Array(most.utf8)]) == most)
        let long = "a=\(String(repeating: "v", count: 257))"
        #expect(TraceState.joined([Array(long.utf8)]) == nil)
    }
}
