import CZlib

/// Why a compressed body cannot be read.
enum InflateFailure: Error, Equatable {
    /// It is not what its coding promises.
    case corrupt
    /// It would be larger than what the caller takes.
    case tooLarge
}

/// Takes the coding off a body (RFC 9110 §8.4.1), piece by piece, and never makes more of it than its caller takes.
///
/// The state of zlib is some 40 KiB; it is freed with the object.
final class Inflater {
    enum Format: Equatable {
        /// RFC 1952; several members one after the other are one body.
        case gzip
        /// RFC 1950 as the standard has it, or RFC 1951 as many send it: the first two bytes tell.
        case deflate
    }

    private enum State {
        /// What has come is too short to say which form of `deflate` it is.
        case unknown(first: UInt8?)
        case inflating
        /// A member has ended: another may follow (gzip), or nothing.
        case ended
        case failed(InflateFailure)
    }

    private let format: Format
    private let stream: UnsafeMutablePointer<z_stream>
    private var isInitialized = false
    private var state: State
    private var bytesOut = 0

    /// Bytes made at a time.
    private static let step = 16 << 10

    init(_ format: Format) {
        self.format = format
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        state = .unknown(first: nil)
        if format == .gzip { begin(windowBits: 15 + 16) }
    }

    deinit {
        if isInitialized { inflateEnd(stream) }
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Whether all that came so far is a whole body. A body that ends while this is false is cut off.
    var isComplete: Bool { if case .ended = state { true } else { false } }

    /// Decodes the next piece and hands what it makes of it to `sink`, in pieces of at most 16 KiB.
    ///
    /// - Parameter limit: on all bytes made since the beginning. Nothing past it is made, whatever the ratio.
    func inflate(
        _ input: UnsafeRawBufferPointer, limit: Int, to sink: (UnsafeRawBufferPointer) -> Void
    ) throws(InflateFailure) {
        guard !input.isEmpty else { return }
        if case .failed(let failure) = state { throw failure }
        do {
            guard case .unknown(let first) = state else { return try run(input, limit: limit, to: sink) }
            guard let first else {
                state = .unknown(first: input[0])
                return try inflate(UnsafeRawBufferPointer(rebasing: input.dropFirst()), limit: limit, to: sink)
            }
            let isWrapped = first & 0x0F == 8 && (Int(first) << 8 | Int(input[0])) % 31 == 0
            begin(windowBits: isWrapped ? 15 : -15)
            try withUnsafeBytes(of: first) { byte throws(InflateFailure) in try run(byte, limit: limit, to: sink) }
            try run(input, limit: limit, to: sink)
        } catch {
            state = .failed(error)
            throw error
        }
    }

    private func begin(windowBits: Int32) {
        // It fails for want of memory alone; then the body cannot be read.
        isInitialized = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        state = isInitialized ? .inflating : .failed(.corrupt)
    }

    private func run(
        _ input: UnsafeRawBufferPointer, limit: Int, to sink: (UnsafeRawBufferPointer) -> Void
    ) throws(InflateFailure) {
        if case .failed(let failure) = state { throw failure }
        // zlib counts in 32 bits.
        var rest = input
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
            try runPiece(piece, limit: limit, to: sink)
        }
    }

    private func runPiece(
        _ input: UnsafeRawBufferPointer, limit: Int, to sink: (UnsafeRawBufferPointer) -> Void
    ) throws(InflateFailure) {
        guard let base = input.bindMemory(to: UInt8.self).baseAddress else { return }
        // zlib only reads from here; its type is older than `const`.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: base)
        stream.pointee.avail_in = UInt32(truncatingIfNeeded: input.count)
        defer {
            stream.pointee.next_in = nil
            stream.pointee.avail_in = 0
            stream.pointee.next_out = nil
            stream.pointee.avail_out = 0
        }
        var failure: InflateFailure?
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.step) { room in
            failure = loop(room, limit: limit, to: sink)
        }
        if let failure { throw failure }
    }

    private func loop(
        _ room: UnsafeMutableBufferPointer<UInt8>, limit: Int, to sink: (UnsafeRawBufferPointer) -> Void
    ) -> InflateFailure? {
        while true {
            if case .ended = state {
                guard stream.pointee.avail_in > 0 else { return nil }
                guard format == .gzip, inflateReset(stream) == Z_OK else { return .corrupt }
                state = .inflating
            }
            stream.pointee.next_out = room.baseAddress
            stream.pointee.avail_out = UInt32(truncatingIfNeeded: room.count)
            let status = CZlib.inflate(stream, Z_NO_FLUSH)
            let made = room.count - Int(stream.pointee.avail_out)
            if made > 0 {
                guard made <= limit - bytesOut else { return .tooLarge }
                bytesOut += made
                sink(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(room)[..<made]))
            }
            switch status {
            case Z_OK: if stream.pointee.avail_in == 0, stream.pointee.avail_out > 0 { return nil }
            case Z_STREAM_END: state = .ended
            // There was nothing to do: all input is taken, and all output given.
            case Z_BUF_ERROR: return nil
            default: return .corrupt
            }
        }
    }
}

@available(*, unavailable)
extension Inflater: Sendable {}
