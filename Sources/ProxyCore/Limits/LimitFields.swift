import Basics
import Dialects
import HTTP1

/// What a client's head tells of its limits, in its dialect's words: of requests and of tokens the tightest of each.
struct LimitFields {
    private var standing = LimitStanding()
    private var words = Words.none

    private enum Words {
        /// Gemini's clients know none.
        case none
        /// With the seconds at which requests and tokens are all there again.
        case anthropic(requests: RFC3339.Text, tokens: RFC3339.Text)
        /// Milliseconds since 1970.
        case openai(now: Int)
    }

    /// Nothing is told.
    init() {}

    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - recent: what was written of instants last.
    init(_ standing: LimitStanding, for dialect: ClientDialect, now: Int, _ recent: inout RFC3339.Recent) {
        self.standing = standing
        func text(_ figure: LimitStanding.Figure?) -> RFC3339.Text { recent.text(utc: ((figure?.resetsAt ?? now) + 999) / 1_000) }
        switch dialect {
        case .anthropic: words = .anthropic(requests: text(standing.requests), tokens: text(standing.tokens))
        case .openai, .responses: words = .openai(now: now)
        case .gemini: words = .none
        }
    }

    /// The key has limits of requests or tokens: the upstream's own are nothing to it.
    var hidesUpstreams: Bool { standing.requests != nil || standing.tokens != nil }

    /// About how many bytes `write` takes.
    var room: Int { hidesUpstreams ? 384 : 0 }

    func write(into head: inout HeadCursor) {
        switch words {
        case .none: return
        case .anthropic(let requestsReset, let tokensReset):
            if let requests = standing.requests {
                head.field("anthropic-ratelimit-requests-limit", decimal: requests.most)
                head.field("anthropic-ratelimit-requests-remaining", decimal: requests.remaining)
                head.field("anthropic-ratelimit-requests-reset", requestsReset)
            }
            if let tokens = standing.tokens {
                head.field("anthropic-ratelimit-tokens-limit", decimal: tokens.most)
                head.field("anthropic-ratelimit-tokens-remaining", decimal: tokens.remaining)
                head.field("anthropic-ratelimit-tokens-reset", tokensReset)
            }
        case .openai(let now):
            if let requests = standing.requests {
                head.field("x-ratelimit-limit-requests", decimal: requests.most)
                head.field("x-ratelimit-remaining-requests", decimal: requests.remaining)
                head.field("x-ratelimit-reset-requests", text: wait(requests, now))
            }
            if let tokens = standing.tokens {
                head.field("x-ratelimit-limit-tokens", decimal: tokens.most)
                head.field("x-ratelimit-remaining-tokens", decimal: tokens.remaining)
                head.field("x-ratelimit-reset-tokens", text: wait(tokens, now))
            }
        }
    }

    private func wait(_ figure: LimitStanding.Figure, _ now: Int) -> String {
        RateLimitHeaders.duration(milliseconds: max(0, figure.resetsAt - now))
    }

    /// Whether a field of an upstream speaks of its own limits: it does not pass where ours are told.
    static func speaksOfLimits(_ name: UnsafeRawBufferPointer) -> Bool {
        func begins(_ prefix: StaticString) -> Bool {
            name.count >= prefix.utf8CodeUnitCount
                && equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: name[..<prefix.utf8CodeUnitCount]), prefix)
        }
        return begins("x-ratelimit-") || begins("anthropic-ratelimit-")
    }
}
