#if canImport(Glibc)
import Glibc
#endif

/// Reads one segment of the journal, frame by frame.
struct JournalReader {
    let path: String
    let segment: Int

    struct Failure: Error, Hashable {
        let call: String
        let errno: Int32
    }

    enum Ending: Equatable {
        /// All up to the limit was whole.
        case complete
        /// The last frame is not there to its end.
        case torn
        /// A frame, or the segment's header, is not what was written.
        case damaged
    }

    /// Gives each record in `range` (bytes from the file's beginning) to `body`.
    ///
    /// - Returns: where the last whole frame ends, and why reading ended there.
    /// - Throws: `Failure` when the file cannot be read.
    func forEach(in range: Range<Int>, _ body: (EncodedUsage) -> Void) throws(Failure) -> (end: Int, ending: Ending) {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { throw Failure(call: "open \(path)", errno: errno) }
        let file = FileDescriptor(number)
        var chunk = [UInt8](repeating: 0, count: min(Self.chunkSize, max(range.count, JournalFormat.headerSize)))

        guard try read(file, into: &chunk, at: 0, count: JournalFormat.headerSize) == JournalFormat.headerSize else {
            return (0, .torn)
        }
        guard chunk.withUnsafeBytes({ JournalFormat.isHeader($0, ofSegment: segment) }) else { return (0, .damaged) }

        var offset = max(range.lowerBound, JournalFormat.headerSize)
        while offset < range.upperBound {
            let count = try read(file, into: &chunk, at: offset, count: min(chunk.count, range.upperBound - offset))
            guard count > 0 else { return (offset, .torn) }
            let (used, isDamaged) = chunk.withUnsafeBytes { Self.frames(in: $0[..<count], body) }
            offset += used
            if isDamaged { return (offset, .damaged) }
            // A chunk holds more than the greatest frame, so only the file's end leaves nothing to use.
            if used == 0 { return (offset, .torn) }
        }
        return (offset, .complete)
    }

    /// Bytes of the file.
    func size() throws(Failure) -> Int {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Failure(call: "stat \(path)", errno: errno) }
        return Int(status.st_size)
    }

    /// More than the greatest frame.
    private static let chunkSize = 1 << 20

    private static func frames(
        in chunk: Slice<UnsafeRawBufferPointer>, _ body: (EncodedUsage) -> Void
    ) -> (used: Int, isDamaged: Bool) {
        var rest = UnsafeRawBufferPointer(rebasing: chunk)
        while !rest.isEmpty {
            switch JournalFormat.frame(in: rest) {
            case .partial: return (chunk.count - rest.count, false)
            case .damaged: return (chunk.count - rest.count, true)
            case .whole(let size):
                let end = JournalFormat.frameHeadSize + size
                let payload = UnsafeRawBufferPointer(rebasing: rest[JournalFormat.frameHeadSize..<end])
                guard let usage = EncodedUsage(payload) else { return (chunk.count - rest.count, true) }
                body(usage)
                rest = UnsafeRawBufferPointer(rebasing: rest[end...])
            }
        }
        return (chunk.count, false)
    }

    /// Fewer bytes than asked for only at the file's end.
    private func read(_ file: FileDescriptor, into chunk: inout [UInt8], at offset: Int, count: Int) throws(Failure) -> Int {
        var done = 0
        while done < count {
            let result = chunk.withUnsafeMutableBytes { bytes in
                pread(file.number, bytes.baseAddress.map { $0 + done }, count - done, off_t(offset + done))
            }
            if result == 0 { break }
            if result > 0 {
                done += result
            } else if errno != EINTR {
                throw Failure(call: "read \(path)", errno: errno)
            }
        }
        return done
    }
}
