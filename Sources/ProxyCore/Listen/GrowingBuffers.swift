import NIOCore

/// Buffers that grow with what comes, up to 64 KiB. A small one stays with its connection; a large one goes when what it brought has
/// gone, or it would stay with every connection that is idle, or whose client does not read.
struct GrowingBuffers: RecvByteBufferAllocator {
    static let keptBytes = 16 << 10

    private var sizes: AdaptiveRecvByteBufferAllocator

    init(initial: Int) {
        sizes = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: initial, maximum: 64 << 10)
    }

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
