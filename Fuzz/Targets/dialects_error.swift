// sources: Sources/Basics Sources/Dialects

/// Bytes as an upstream's error, as headers that tell a wait, and as a client's text that an upstream quotes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzError(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let input = FuzzInput(data, size) else { return 0 }
    let now = 1_800_000_000
    let waits = 0...RetryAfter.longest
    for status in [400, 401, 402, 403, 404, 413, 429, 500, 400 + Int(input.choice)] {
        let error = UpstreamError.read(status: status, body: input.bytes)
        require(error.retryAfterSeconds.map(waits.contains) ?? true, "a wait has its bounds")
        require(error.message.utf8.count <= 8_000, "a message has its bounds")
        require(status != 401 || error.subject != nil, "a 401 is about something")
    }
    require(RetryAfter.seconds(input.bytes, now: now).map(waits.contains) ?? true, "a Retry-After has its bounds")
    require(RetryAfter.seconds(milliseconds: input.bytes, now: now).map(waits.contains) ?? true, "so have milliseconds")
    var limits = RateLimitHeaders(now: now)
    for name in ["x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", "anthropic-ratelimit-tokens-reset", "date"] {
        let name = Array(name.utf8)
        name.withUnsafeBytes { limits.read(name: $0, value: input.bytes) }
    }
    require(limits.retryAfterSeconds.map(waits.contains) ?? true, "a window's reset has its bounds")
    for client in ClientDialect.allCases { _ = limits.lines(for: client) }

    // What a client writes and an upstream quotes takes no account out.
    let text = String(decoding: input.bytes.filter { $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }, as: UTF8.self)
    for quote in ["'", "`"] {
        let body = Array("{\"error\":{\"message\":\"Unknown value \(quote)\(text)\(quote)\"}}".utf8)
        for status in [400, 403, 404, 422] {
            let subject = body.withUnsafeBytes { UpstreamError.read(status: status, body: $0).subject }
            require(subject != .credential && subject != .money, "a client's words are no vendor's")
        }
    }
    return 0
}
