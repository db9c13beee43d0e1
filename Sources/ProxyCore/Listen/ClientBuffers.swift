import NIOCore

/// How much is read of a client at once. The buffer stays with its connection.
enum ClientBuffers {
    /// Of whoever has shown nothing yet, there may be many.
    static let forStrangers = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: 8 << 10)
    /// Of bodies that are wanted.
    static let forBodies = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 16 << 10, maximum: 64 << 10)
}
