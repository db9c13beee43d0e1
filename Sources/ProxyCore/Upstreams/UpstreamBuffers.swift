import NIOCore

/// How much is read of an upstream at once.
enum UpstreamBuffers {
    static let ofResponses = ResponseBuffers()
    /// What passes to a client that may read nothing is read in small pieces. The buffer stays with its connection.
    static let ofStreams = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 4096, maximum: 16 << 10)
}

/// Buffers that grow with what comes. A small one stays with its connection; a large one goes when what it brought has gone, or it
/// would stay with every connection whose client does not read, and with every one that waits in its pool.
struct ResponseBuffers: RecvByteBufferAllocator {
    static let keptBytes = 16 << 10

    private var sizes = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1024, maximum: 64 << 10)

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { sizes.buffer(allocator: allocator) }

    /// The channel looks among the buffers that it keeps for one of this size; nil: it keeps none.
    func nextBufferSize() -> Int? {
        guard let size = sizes.nextBufferSize(), size <= Self.keptBytes else { return nil }
        return size
    }

    mutating func record(actualReadBytes: Int) -> Bool {
        let mayGrow = sizes.record(actualReadBytes: actualReadBytes)
        // Where no size is said the channel takes the buffer that it has, unless the next one may be larger.
        return mayGrow || nextBufferSize() == nil
    }
}
