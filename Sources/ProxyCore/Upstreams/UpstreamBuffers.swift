import NIOCore

/// How much is read of an upstream at once. The buffer stays with its connection.
enum UpstreamBuffers {
    static let ofAnswers = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 64 << 10)
    /// Where so much came that the client has no room for more, the next read brings as much again.
    static let afterPause = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 16 << 10, maximum: 64 << 10)
}
