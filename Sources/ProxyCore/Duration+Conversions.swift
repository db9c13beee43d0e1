import NIOCore

extension Duration {
    /// Whole milliseconds, rounded towards zero.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: seconds).multipliedReportingOverflow(by: 1000).partialValue
            &+ Int(attoseconds / 1_000_000_000_000_000)
    }
}

extension TimeAmount {
    /// The same time in NIO's unit; the longest that it has where that is too little.
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        self = overflow ? .nanoseconds(.max) : .nanoseconds(nanoseconds &+ attoseconds / 1_000_000_000)
    }
}
