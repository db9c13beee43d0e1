/// Every key that a log line can have, so that a search written once goes on working.
public enum LogKeys {
    public static let account = "account"
    public static let accounts = "accounts"
    public static let address = "address"
    public static let attempts = "attempts"
    /// Whose use of a limit it is: a key's name, or what `per` gives.
    public static let bucket = "bucket"
    public static let bytes = "bytes"
    public static let changes = "changes"
    public static let count = "count"
    public static let error = "error"
    public static let file = "file"
    /// Who was asked before: an upstream and an account.
    public static let from = "from"
    public static let generation = "generation"
    public static let hash = "hash"
    public static let key = "key"
    public static let limit = "limit"
    /// Since the request's first byte.
    public static let microseconds = "us"
    public static let model = "model"
    /// Who was not asked, and why.
    public static let passedOver = "passed_over"
    public static let path = "path"
    public static let reason = "reason"
    public static let remaining = "remaining"
    public static let requestID = "id"
    public static let rule = "rule"
    /// The rules that were tried, and what became of each.
    public static let rules = "rules"
    public static let seconds = "seconds"
    public static let signal = "signal"
    public static let state = "state"
    public static let status = "status"
    /// The share under which an account is passed over.
    public static let threshold = "threshold"
    public static let tier = "tier"
    /// Who was asked before, each with what came of it.
    public static let tried = "tried"
    /// An instant: `2026-02-11T14:04:20Z`.
    public static let until = "until"
    public static let upstream = "upstream"
    /// More words about the reason.
    public static let what = "what"
    public static let version = "version"
    /// Which of an account's quotas it is: `5h`, `7d`, `share`.
    public static let window = "window"

    /// The keys of the one line that every exchange leaves; computed, so that the compiler copies the words and not an address.
    enum Request {
        static var id: StaticString { "id" }
        static var key: StaticString { "key" }
        static var keyID: StaticString { "key_id" }
        static var client: StaticString { "client" }
        static var method: StaticString { "method" }
        static var path: StaticString { "path" }
        static var dialect: StaticString { "dialect" }
        static var model: StaticString { "model" }
        static var rule: StaticString { "rule" }
        static var tier: StaticString { "tier" }
        static var upstream: StaticString { "upstream" }
        static var account: StaticString { "account" }
        static var answered: StaticString { "answered_by" }
        static var status: StaticString { "status" }
        static var attempts: StaticString { "attempts" }
        static var stream: StaticString { "stream" }
        static var inputTokens: StaticString { "input_tokens" }
        static var outputTokens: StaticString { "output_tokens" }
        static var cost: StaticString { "cost_usd" }
        static var bytesIn: StaticString { "bytes_in" }
        static var bytesOut: StaticString { "bytes_out" }
        static var total: StaticString { "total_ms" }
        static var firstByte: StaticString { "first_byte_ms" }
        static var outcome: StaticString { "outcome" }
        static var reason: StaticString { "reason" }
        static var tried: StaticString { "tried" }
        static var event: StaticString { "event" }
    }
}
