import NIOCore

/// How long, and for how much, a client's connection is waited for.
enum ClientLimits {
    /// How much of a next request may wait while a response is on its way to a client with a key.
    static let waitingBytes = 64 << 10
    /// How long a client may take to read a last response after which more was unread than it should have sent.
    static let lingering = TimeAmount.seconds(2)
    /// How long one whom there is no slot for may take to say what it wants.
    static let guestTimeout = TimeAmount.seconds(5)
    /// How long one may read nothing of a long response, where such responses take more memory than is theirs.
    static let stalledTimeout = TimeAmount.seconds(10)
    /// How long one that asks for nothing keeps the memory of its last response for the next.
    static let keptMemory = TimeAmount.seconds(1)
    /// How long after its first sign of life a first request is waited for when the process ends.
    static let drainGrace = TimeAmount.milliseconds(500)
    /// A body that is longer is read in larger pieces.
    static let longBody = 16 << 10
    /// How much of what anybody may send is kept: of a body before all of it is here, and of a next request.
    static let strangersBytes = 16 << 10
    /// How many of a listener's strangers may have more than that on its way.
    static let longStrangers = 8
    /// How long it may go on sending after that response.
    static let longestLingering = TimeAmount.seconds(30)
    /// How long a client that closed its side is answered to without sign of life.
    static let graceAfterInputClosed = TimeAmount.seconds(1)
}
