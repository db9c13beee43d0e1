extension Exchange {
    /// Whether a request is answered though all slots are at work: health is, so that nobody takes a full house for a dead one.
    func admitGuest() -> Bool {
        clientKeepsAlive = false
        switch path {
        case "/healthz", "/readyz", "/health": return refusal == nil
        default:
            refusal = Refusal(
                .overloaded, status: 503, "too many connections: all of them are at work", code: "too_many_connections",
                retryAfterSeconds: 1, stage: "accept")
            return false
        }
    }
}
