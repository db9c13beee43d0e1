import NIOCore

/// How much is read of an upstream at once. The buffer stays with its connection.
enum UpstreamBuffers {
    static let ofResponses = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 64 << 10)
    /// What passes to the client as it comes is read in small pieces.
    static let ofStreams = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 4096, maximum: 16 << 10)
}
