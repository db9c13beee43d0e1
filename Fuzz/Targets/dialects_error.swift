/// Bytes as an upstream's error, as headers that tell a wait, and as a client's text that an upstream quotes.
func fuzzError(_ input: FuzzInput) {
    let now = 1_800_000_000
    let waits = 0...RetryAfter.longest
    // Each status that means something of its own, and any other.
    let choice = Int(input.choice)
    let statuses = [400, 401, 402, 403, 404, 413, 422, 429, 500, 400 + choice]
    let status = statuses[choice % statuses.count]
    let error = UpstreamError.read(status: status, body: input.bytes)
    require(error.retryAfterSeconds.map(waits.contains) ?? true, "a wait has its bounds")
    require(error.message.utf8.count <= 8_000, "a message has its bounds")
    require(status != 401 || error.subject != nil, "a 401 is about something")
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
    let quote = choice & 1 == 0 ? "'" : "`"
    let body = Array("{\"error\":{\"message\":\"Unknown value \(quote)\(text)\(quote)\"}}".utf8)
    let subject = body.withUnsafeBytes { UpstreamError.read(status: [400, 403, 404, 422][choice >> 1 & 3], body: $0).subject }
    require(subject != .credential && subject != .money, "a client's words are no vendor's")
}
