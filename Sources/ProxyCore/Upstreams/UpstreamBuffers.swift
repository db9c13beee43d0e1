import NIOCore

/// How much is read of an upstream at once.
enum UpstreamBuffers {
    static let ofResponses = GrowingBuffers(initial: 1024)
    /// What passes to a client that may read nothing is read in small pieces. The buffer stays with its connection.
    static let ofStreams = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 4096, maximum: 16 << 10)
    /// TLS has room for what it ever decrypted at once, for as long as its connection lives: a record or two, and no more.
    static let ofTLS = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 16 << 10)
}
