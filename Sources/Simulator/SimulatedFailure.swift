/// Something that goes wrong with the next responses, or with all of them until it is cleared.
public struct SimulatedFailure: Sendable, Hashable {
    public var kind: Kind
    /// A model's name, `*`, or a beginning and `*`.
    public var model: String
    /// Only for requests that this account would answer; nil for all.
    public var account: String?
    /// How many requests it happens to; nil until cleared.
    public var times: Int?
    /// Seconds, in `retry-after` and in the exhausted message; nil for what is usual.
    public var retryAfter: Int?
    /// Seconds before a `slow` response begins.
    public var delay: Double
    /// Words that go out before `cut` or `error-event`; nil for half of them, and for none.
    public var afterWords: Int?

    public enum Kind: Sendable, Hashable {
        /// An error in the client's format.
        case status(Int)
        /// 400 and "You have exhausted your capacity", as Antigravity says it; of OpenAI's formats, 429 `insufficient_quota`.
        case exhausted
        /// 401: the key is refused.
        case unauthorized
        /// 403: the whole account is closed.
        case disabled
        /// 403: this model is not for the account.
        case forbiddenModel
        /// No money is left: Anthropic's 400, the others' 402.
        case money
        /// 429 for a short time, although no window is used up.
        case burst
        /// The response begins late.
        case slow
        /// The connection closes in the middle of the response.
        case cut
        /// A stream that begins with 200 and then holds an error event; not streamed, 529.
        case errorEvent
        /// 200 and something that is no response.
        case garbage
        /// The connection closes without a response.
        case drop
    }

    public init(
        _ kind: Kind, model: String = "*", account: String? = nil, times: Int? = nil, retryAfter: Int? = nil, delay: Double = 5,
        afterWords: Int? = nil
    ) {
        self.kind = kind
        self.model = model
        self.account = account
        self.times = times
        self.retryAfter = retryAfter
        self.delay = delay
        self.afterWords = afterWords
    }

    func concerns(model asked: String, account answering: String?) -> Bool {
        if let account, account != answering { return false }
        return Self.matches(model, asked)
    }

    static func matches(_ pattern: String, _ name: String) -> Bool {
        pattern.hasSuffix("*") ? name.hasPrefix(pattern.dropLast()) : pattern == name
    }

    /// `fail-429-claude-opus` asks for the failure `429` of `claude-opus`.
    static func inModelName(_ name: String) -> (failure: SimulatedFailure, model: String)? {
        guard name.hasPrefix("fail-") else { return nil }
        let rest = name.dropFirst("fail-".count)
        for (word, kind) in Kind.words where rest.hasPrefix(word + "-") {
            return (SimulatedFailure(kind), String(rest.dropFirst(word.count + 1)))
        }
        guard let dash = rest.firstIndex(of: "-"), let kind = Kind(word: String(rest[..<dash])) else { return nil }
        return (SimulatedFailure(kind), String(rest[rest.index(after: dash)...]))
    }
}

extension SimulatedFailure.Kind {
    static let words: [(String, Self)] = [
        ("exhausted", .exhausted), ("unauthorized", .unauthorized), ("disabled", .disabled),
        ("forbidden-model", .forbiddenModel), ("money", .money), ("burst", .burst), ("slow", .slow), ("cut", .cut),
        ("error-event", .errorEvent), ("garbage", .garbage), ("drop", .drop),
    ]

    /// A status from 400 to 599, or one of the words.
    init?(word: String) {
        if let status = Int(word), (400...599).contains(status) {
            self = .status(status)
        } else if let known = Self.words.first(where: { $0.0 == word }) {
            self = known.1
        } else {
            return nil
        }
    }

    var label: String {
        if case .status(let status) = self { return String(status) }
        return Self.words.first { $0.1 == self }?.0 ?? ""
    }
}
