extension Dashboard {
    /// One script, in the order in which its parts need each other.
    static let script = [tools, spending, limits, requests, operations, accounts, polling].joined(separator: "\n")
}
