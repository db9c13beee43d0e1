import Dialects

extension FallbackPolicy {
    /// What the wait that an upstream states is about.
    enum WaitSubject {
        case hint
        /// The reset of a quota or a window.
        case window
    }

    /// How long a tier rests, in milliseconds; 0 for not at all.
    func rest(statedSeconds: Int?, as subject: WaitSubject) -> Int {
        guard let statedSeconds else { return min(cooldown, maxCooldown).milliseconds }
        let longest =
            switch subject {
            case .hint: min(maxCooldown.milliseconds, RetryAfter.longest * 1000)
            case .window: RetryAfter.longest * 1000
            }
        return min(max(0, min(statedSeconds, RetryAfter.longest)) * 1000, longest)
    }

    /// How long a tier rests whose upstream named no time, as a client is told it.
    var restSeconds: Int { (rest(statedSeconds: nil, as: .hint) + 999) / 1000 }

    /// How long the client is told to wait: what the upstream said, no longer than an account rests for it. Whole seconds, rounded up.
    func shownSeconds(of error: UpstreamError) -> Int? {
        let subject: WaitSubject = error.tellsReset ? .window : .hint
        return error.retryAfterSeconds.map { (rest(statedSeconds: $0, as: subject) + 999) / 1000 }
    }
}
