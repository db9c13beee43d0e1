/// A change of what is held against an account or one of its models: one line of the log.
struct AccountChange: Sendable, Hashable {
    enum Direction: Sendable, Hashable { case worse, better }

    let direction: Direction
    /// The state that it is in now, or, for the better, was in.
    let state: AccountStanding.Word
    /// nil: the account as a whole.
    var model: String?
    /// One word, or a few of ours: `429`, `dns`, `served`.
    let reason: String
    /// More about it: what the upstream said, or what happened, in words.
    var words = ""
    /// The upstream's status; 0 for none.
    var status = 0
    /// Milliseconds of `SteadyClock`; nil for what does not end by itself.
    var until: Int?
    /// Whether it is about a name that only a client has said.
    var isStranger = false

    static func worse(
        _ state: AccountStanding.Word, reason: String, words: String = "", status: Int = 0, until: Int? = nil
    ) -> AccountChange {
        AccountChange(direction: .worse, state: state, reason: reason, words: words, status: status, until: until)
    }

    static func better(_ state: AccountStanding.Word, reason: String) -> AccountChange {
        AccountChange(direction: .better, state: state, reason: reason)
    }
}
