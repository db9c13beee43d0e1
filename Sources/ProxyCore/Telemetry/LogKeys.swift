/// Every key that a log line can have, so that a search written once goes on working.
public enum LogKeys {
    public static let account = "account"
    public static let action = "action"
    public static let address = "address"
    /// A place in a file.
    public static let at = "at"
    public static let attempts = "attempts"
    /// The name of a copy of the state.
    public static let backup = "id"
    public static let blocks = "blocks"
    /// Who uses a limit: a key's name, or what `per` gives.
    public static let bucket = "bucket"
    public static let bytes = "bytes"
    public static let changed = "changed"
    public static let client = "client"
    public static let config = "config"
    public static let connections = "connections"
    public static let count = "count"
    public static let descriptor = "descriptor"
    public static let entries = "entries"
    public static let error = "error"
    public static let errors = "errors"
    public static let file = "file"
    /// How many the process may open.
    public static let files = "files"
    /// Who was asked before: an upstream and an account.
    public static let from = "from"
    public static let generation = "generation"
    public static let hash = "hash"
    public static let headBytes = "head_bytes"
    public static let instance = "instance"
    /// Where a damaged file is kept.
    public static let keptAs = "kept_as"
    public static let key = "key"
    public static let keys = "keys"
    public static let known = "known"
    public static let limit = "limit"
    public static let listen = "listen"
    public static let lostRequests = "lost_requests"
    public static let lostTokens = "lost_tokens"
    /// Microseconds since the request's first byte.
    public static let microseconds = "us"
    public static let model = "model"
    public static let name = "name"
    public static let needed = "needed"
    public static let node = "node"
    /// The other key of two.
    public static let other = "other"
    public static let overlap = "overlap"
    /// Who was not asked, and why.
    public static let passedOver = "passed_over"
    public static let path = "path"
    public static let policy = "policy"
    public static let reason = "reason"
    /// Who was to get it: a host and port, or a file.
    public static let receiver = "to"
    public static let remaining = "remaining"
    public static let request = "request"
    public static let requestID = "id"
    public static let requests = "requests"
    public static let requestsInFlight = "requests_in_flight"
    public static let result = "result"
    public static let role = "role"
    public static let rows = "rows"
    public static let rule = "rule"
    /// The rules that were tried, and what became of each.
    public static let rules = "rules"
    public static let running = "running"
    public static let seconds = "seconds"
    public static let segment = "segment"
    /// What a server says of itself.
    public static let server = "server"
    /// The share of the keys that a trial takes.
    public static let share = "share"
    /// How long something lasts.
    public static let span = "for"
    public static let state = "state"
    public static let status = "status"
    public static let store = "store"
    public static let subject = "subject"
    /// The share under which an account is passed over.
    public static let threshold = "threshold"
    public static let tier = "tier"
    public static let times = "times"
    /// Who was asked before, each with what came of it.
    public static let tried = "tried"
    public static let trigger = "trigger"
    /// An instant: `2026-02-11T14:04:20Z`.
    public static let until = "until"
    public static let upstream = "upstream"
    public static let version = "version"
    /// More words about the reason.
    public static let what = "what"
    /// Who asked for it.
    public static let who = "who"
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
