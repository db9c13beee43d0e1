import NIOCore
import Testing

@testable import ProxyCore

/// What is read into, as the channel of a connection keeps it.
struct UpstreamBuffersTests {
    /// Reads as much as there is room for. How much that is.
    private func fill(_ kept: inout NIOPooledRecvBufferAllocator) -> Int {
        let (buffer, count) = kept.buffer(allocator: ByteBufferAllocator()) { buffer in
            buffer.writeRepeatingByte(1, count: buffer.writableBytes)
        }
        kept.record(actualReadBytes: count)
        #expect(buffer.readableBytes == count)
        return count
    }

    @Test func `buffers grow with what comes, and a large one stays with no connection`() {
        var kept = NIOPooledRecvBufferAllocator(capacity: 1, recvAllocator: UpstreamBuffers.ofResponses)
        let sizes = (0..<9).map { _ in fill(&kept) }
        #expect(sizes == [1, 2, 4, 8, 16, 32, 64, 64, 64].map { $0 << 10 })
        kept.recvAllocator = UpstreamBuffers.ofStreams
        #expect((0..<4).allSatisfy { _ in fill(&kept) <= ResponseBuffers.keptBytes })
    }

    @Test func `a small one is filled again and again`() {
        var kept = NIOPooledRecvBufferAllocator(capacity: 1, recvAllocator: UpstreamBuffers.ofResponses)
        var places: Set<UnsafeRawPointer?> = []
        for _ in 0..<4 {
            let (buffer, _) = kept.buffer(allocator: ByteBufferAllocator()) { $0.writeRepeatingByte(1, count: 600) }
            kept.record(actualReadBytes: 600)
            places.insert(buffer.withUnsafeReadableBytes { UnsafeRawPointer($0.baseAddress) })
        }
        #expect(places.count == 1 && kept.count == 1)
    }
}
