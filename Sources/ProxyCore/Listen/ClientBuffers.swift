import NIOCore

/// How much is read of a client at once.
enum ClientBuffers {
    /// Clients that have shown nothing yet may be many. The buffer stays with its connection.
    static let forStrangers = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: 8 << 10)
    /// Bodies that are awaited are read in larger pieces.
    static let forBodies = GrowingBuffers(initial: GrowingBuffers.keptBytes)
}
