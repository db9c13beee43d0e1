import Testing

@testable import Dialects

@Suite("Errors")
struct ErrorTests {
    @Test("each client reads its own shape")
    func shapes() {
        #expect(
            text(ErrorBody.bytes(.rateLimit, message: "slow \"down\"", requestID: "req_1", dialect: .anthropic))
                == #"{"type":"error","error":{"type":"rate_limit_error","message":"slow \"down\""},"request_id":"req_1"}"#)
        #expect(
            text(ErrorBody.bytes(.authentication, message: "no", dialect: .openai))
                == #"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#)
        #expect(
            text(ErrorBody.bytes(.unsupported, message: "no", param: "n", dialect: .responses))
                == #"{"error":{"message":"no","type":"invalid_request_error","param":"n","code":"unsupported_parameter"}}"#)
        #expect(
            text(ErrorBody.bytes(.notFound, message: "no", dialect: .gemini))
                == #"{"error":{"code":404,"message":"no","status":"NOT_FOUND"}}"#)
        #expect(
            text(ErrorBody.bytes(.internalError, status: 503, message: "no", dialect: .gemini))
                == #"{"error":{"code":503,"message":"no","status":"UNAVAILABLE"}}"#)
        #expect(
            text(ErrorBody.streamEvent(.upstreamBroken, message: "cut", dialect: .anthropic))
                == "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"cut\"}}\n\n")
        #expect(
            text(ErrorBody.streamEvent(.upstreamBroken, message: "cut", dialect: .openai))
                == "data: {\"error\":{\"message\":\"cut\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n")
    }

    @Test("a plan's reset is read where the body tells it")
    func planReset() {
        let body = Array(#"{"error":{"type":"usage_limit_reached","resets_at":1800000000,"message":"no"}}"#.utf8)
        let at = body.withUnsafeBytes { UpstreamError.read(status: 429, body: $0) }
        #expect(at.resetsAt == 1_800_000_000 && at.retryAfterSeconds == nil && at.errorClass == .rateLimit)
        let more = Array(#"{"error":{"type":"usage_limit_reached","resets_in_seconds":7200,"message":"no"}}"#.utf8)
        let wait = more.withUnsafeBytes { UpstreamError.read(status: 429, body: $0) }
        #expect(wait.retryAfterSeconds == 7_200 && wait.tellsReset && wait.resetsAt == nil)
        let exact = Array(#"{"error":{"type":"usage_limit_reached","resets_in_seconds":7200,"message":"It resets in 3h."}}"#.utf8)
        #expect(exact.withUnsafeBytes { UpstreamError.read(status: 429, body: $0) }.retryAfterSeconds == 7_200)
        let odd = Array(#"{"error":{"type":"x","resets_in_seconds":-1,"resets_at":1e300,"message":"no"}}"#.utf8)
        let none = odd.withUnsafeBytes { UpstreamError.read(status: 429, body: $0) }
        #expect(none.retryAfterSeconds == nil && none.resetsAt == nil && !none.tellsReset)
    }

    @Test(
        "a quota's reset in words counts before a field that is made for any wait, where it is no sooner",
        arguments: [
            ("Quota will reset after 5h0m0s.", "18000.5s", 18_001, true),
            ("Quota will reset after 5h0m0s.", "0.5s", 18_000, true),
            ("Quota will reset after 0s.", "90s", 90, false), ("Please retry in 34.4s.", "34s", 34, false),
        ])
    func wordsOfReset(_ message: String, _ delay: String, _ seconds: Int, _ isReset: Bool) {
        let body = #"{"error":{"message":"\#(message)","details":[{"retryDelay":"\#(delay)"}]}}"#
        let error = withBytes(body) { UpstreamError.read(status: 429, body: $0) }
        #expect(error.retryAfterSeconds == seconds && error.tellsReset == isReset)
    }

    @Test(
        "a wait of hours that Google asks for is a quota's, one of minutes may be a rate's",
        arguments: [
            ("34.4s", "RESOURCE_EXHAUSTED", 35, false), ("3600s", "RESOURCE_EXHAUSTED", 3_600, false),
            ("18000s", "RESOURCE_EXHAUSTED", 18_000, true), ("18000s", "UNAVAILABLE", 18_000, false),
        ])
    func googlesWait(_ delay: String, _ word: String, _ seconds: Int, _ isReset: Bool) {
        let body = #"{"error":{"code":429,"message":"no","status":"\#(word)","details":[{"retryDelay":"\#(delay)"}]}}"#
        let error = withBytes(body) { UpstreamError.read(status: 429, body: $0) }
        #expect(error.retryAfterSeconds == seconds && error.tellsReset == isReset)
    }

    @Test("Google's Code Assist tells how far a model's reset is off")
    func resetDelay() {
        let body = #"{"error":{"message":"no","details":[{"metadata":{"quotaResetDelay":"1h2m3.5s"}},{"retryDelay":"2s"}]}}"#
        let error = withBytes(body) { UpstreamError.read(status: 429, body: $0) }
        #expect(error.retryAfterSeconds == 3_724 && error.tellsReset)
    }

    @Test(
        "the head's wait counts, and is a reset where the body tells of one at that time",
        arguments: [
            (18_030, false, true), (30, false, false), (30, true, true),
        ])
    func headsWait(_ seconds: Int, _ isReset: Bool, _ tellsReset: Bool) {
        var error = withBytes(#"{"error":{"message":"Quota will reset after 5h0m0s."}}"#) {
            UpstreamError.read(status: 429, body: $0)
        }
        error.take(wait: seconds, isReset: isReset)
        #expect(error.retryAfterSeconds == seconds && error.tellsReset == tellsReset)
    }

    @Test(
        "Z.ai's plans tell their reset by the clock of Beijing",
        arguments: [
            ("1308", "[1308][Usage limit reached for 5 hour. Your limit will reset at 2026-09-12 00:35:41][2026]", 1_789_144_541),
            ("1310", "每周/每月使用上限，您的限额将在 2026-09-12 00:35:41 重置。", 1_789_144_541),
            ("1302", "reset at 2026-09-12 00:35:41", nil), ("1308", "reset at 2026-09-32 00:35:41", nil), ("1308", "2026-", nil),
        ] as [(String, String, Int?)])
    func planResetInBeijing(_ code: String, _ message: String, _ instant: Int?) {
        let error = withBytes(#"{"error":{"code":"\#(code)","message":"\#(message)"}}"#) {
            UpstreamError.read(status: 429, body: $0)
        }
        #expect(error.resetsAt == instant && error.errorClass == .rateLimit)
    }

    @Test(
        "OpenRouter tells the reset of its window beside the words",
        arguments: [
            (#""1800000000500""#, 1_800_000_001), ("1800000000500", 1_800_000_001), (#""1800000000""#, 1_800_000_000),
            (#""60""#, nil), (#""soon""#, nil), ("null", nil),
        ] as [(String, Int?)])
    func toldBeside(_ reset: String, _ expected: Int?) {
        let headers = #"{"X-RateLimit-Limit":"16","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"# + reset + "}"
        let body = #"{"error":{"message":"Rate limit exceeded","code":429,"metadata":{"headers":"# + headers + "}}}"
        withBytes(body) { #expect(UpstreamError.read(status: 429, body: $0).resetsAt == expected) }
    }

    struct Case: Sendable {
        var status: Int
        var body: String
        var errorClass: ErrorClass
        var message: String
        var isExhausted = false
        var retryAfter: Int?
    }

    @Test(
        "upstream errors are read in every shape",
        arguments: [
            Case(
                status: 400,
                body:
                    #"{"type":"error","error":{"type":"invalid_request_error","message":"You have exhausted your capacity on m. Quota will reset after 1h2m3s."}}"#,
                errorClass: .rateLimit, message: "You have exhausted your capacity on m. Quota will reset after 1h2m3s.",
                isExhausted: true, retryAfter: 3723),
            Case(
                status: 529, body: #"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                errorClass: .overloaded, message: "Overloaded"),
            Case(
                status: 429, body: #"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#,
                errorClass: .billing, message: "m", isExhausted: true),
            Case(
                status: 429,
                body:
                    #"{"error":{"code":429,"message":"q","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}]}}"#,
                errorClass: .rateLimit, message: "q", isExhausted: true, retryAfter: 35),
            Case(status: 500, body: #"{"error":"plain text"}"#, errorClass: .internalError, message: "plain text"),
            Case(
                status: 422, body: #"{"detail":[{"loc":["body","x"],"msg":"field required"}]}"#, errorClass: .badRequest,
                message: "field required"),
            Case(status: 503, body: "<html><h1>Down</h1>\n<p>sorry</p></html>", errorClass: .overloaded, message: "Down sorry"),
            Case(status: 502, body: "", errorClass: .upstreamBroken, message: "the upstream answered 502"),
            Case(
                status: 400, body: #"{"error":{"message":"This model's maximum context length is 8192 tokens"}}"#,
                errorClass: .contextTooLong, message: "This model's maximum context length is 8192 tokens"),
            Case(
                status: 400, body: #"{"type":"error","error":{"message":"Your credit balance is too low"}}"#,
                errorClass: .billing,
                message: "Your credit balance is too low", isExhausted: true),
            Case(
                status: 401, body: #"{"error":{"message":"Incorrect API key provided: sk-abcdefghijklmnop."}}"#,
                errorClass: .authentication, message: "Incorrect API key provided: <redacted>"),
            Case(
                status: 404, body: #"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#,
                errorClass: .notFound, message: "The model `x` does not exist"),
        ])
    func reading(_ item: Case) {
        withBytes(item.body) { bytes in
            let error = UpstreamError.read(status: item.status, body: bytes)
            #expect(error.errorClass == item.errorClass)
            #expect(error.message == item.message)
            #expect(error.isExhausted == item.isExhausted)
            #expect(error.retryAfterSeconds == item.retryAfter)
        }
    }

    @Test(
        "retry-after in every form, rounded up",
        arguments: [
            ("30", 30), (" 1.2 ", 2), ("0", 0), ("6m0s", 360), ("12ms", 1), ("1h2m", 3720), ("-1", nil), ("soon", nil), ("", nil),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 37), ("Sunday, 06-Nov-94 08:49:37 GMT", 37), ("Sun Nov  6 08:49:37 1994", 37),
            ("Sat, 05 Nov 1994 08:49:37 GMT", 0), ("99999999999999999999999", RetryAfter.longest),
            ("1784111740", RetryAfter.longest), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Fri, 31 Dec 2099 23:59:59 GMT", RetryAfter.longest), ("NaN", nil), ("inf", nil), ("1e9", nil), ("0.0", 0),
            ("60, 60", 60), ("20,60 , 40", 60), ("60, soon", 60), ("2s, 1m", 60), ("60,", 60), (",", nil),
        ] as [(String, Int?)])
    func retryAfter(_ header: String, _ expected: Int?) {
        withBytes(header) { #expect(RetryAfter.seconds($0, now: 784_111_740) == expected) }
    }

    @Test(
        "an instant in seconds or milliseconds since 1970 is a wait until then, and one that is past none",
        arguments: [
            ("1800000090", 90), ("1800000090000", 90), ("1799999999", 0), ("1800000000.5", 1), ("1900000000", RetryAfter.longest),
            ("1576800000", RetryAfter.longest),
            ("999999999", RetryAfter.longest),
        ])
    func instants(_ header: String, _ expected: Int) {
        withBytes(header) { #expect(RetryAfter.seconds($0, now: 1_800_000_000) == expected) }
    }

    @Test(
        "retry-after-ms",
        arguments: [
            ("1500", 2), ("0", 0), ("1", 1), ("-1", nil), ("1800000090000", 90), ("99999999999999999999", RetryAfter.longest),
            ("1500, 1500", 2), ("1500, 900, x", 2),
        ] as [(String, Int?)])
    func retryAfterMilliseconds(_ header: String, _ expected: Int?) {
        withBytes(header) { #expect(RetryAfter.seconds(milliseconds: $0, now: 1_800_000_000) == expected) }
    }

    @Test(
        "a reset is told from a courtesy",
        arguments: [
            ("Quota will reset after 1h2m3s.", true), ("Resets in 108h48m29s", true), ("try again in 6m0s", false),
            ("retry in 5 minutes", false),
        ])
    func resets(_ message: String, _ isReset: Bool) {
        withBytes(message) { #expect(RetryAfter.wait(inMessage: $0)?.isReset == isReset) }
    }

    @Test(
        "durations in messages",
        arguments: [
            ("Quota will reset after 1h2m3s.", 3723), ("Please try again in 20s. Visit", 20), ("try again in 6m12.5s", 373),
            ("please try again after 1 seconds", 1), ("Please wait 600 seconds before retrying.", 600),
            ("Please retry after 15 seconds", 15), ("nothing", nil), ("try again in 250ms", 1),
            ("Try again in 5 minutes", 300), ("resets in 2 hours", 7200),
            ("retry after 9999999999999999 days", RetryAfter.longest),
        ] as [(String, Int?)])
    func messages(_ message: String, _ expected: Int?) {
        withBytes(message) { #expect(RetryAfter.seconds(inMessage: $0) == expected) }
    }

    @Test(
        "a body is shown as it came only where it has the client's shape",
        arguments: [
            (.openai, #"{"error":{"message":"m","type":"t"}}"#, false, true),
            (.gemini, #"{"error":{"message":"m","type":"t"}}"#, false, false),
            (.gemini, #"{"error":{"message":"m","code":400,"status":"INVALID_ARGUMENT"}}"#, false, true),
            (.gemini, #"{"error":{"message":"m","code":400,"status":"INVALID_ARGUMENT"}}"#, true, false),
            (.gemini, #"[{"error":{"message":"m","code":400,"status":"INVALID_ARGUMENT"}}]"#, true, true),
            (.gemini, #"[{"error":{"message":"m","code":400,"status":"INVALID_ARGUMENT"}}]"#, false, false),
            (.openai, #"{"error":{"message":"m"},"choices":[]}"#, false, false),
            (.anthropic, #"{"type":"error","error":{"message":"m"}}"#, false, true),
        ] as [(ClientDialect, String, Bool, Bool)])
    func shapes(dialect: ClientDialect, body: String, isList: Bool, hasShape: Bool) {
        withBytes(body) { #expect(ErrorBody.hasShape($0, of: dialect, isList: isList) == hasShape) }
    }

    @Test("what is no UTF-8 is not shown")
    func malformedText() {
        let body = Array(#"{"error":{"message":""#.utf8) + [0xFF, 0xFE] + Array(#""}}"#.utf8)
        body.withUnsafeBytes { #expect(!ErrorBody.hasShape($0, of: .openai)) }
    }
}
