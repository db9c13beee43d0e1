#if canImport(Glibc)
import Glibc
#endif

/// Reads one segment of the journal, frame by frame.
struct JournalReader {
    let path: String
    let segment: Int

    struct Failure: Error, Hashable, CustomStringConvertible {
        let call: String
        let errno: Int32

        var description: String { "\(call): \(LedgerFailure.text(ofErrno: errno))" }

        /// Whether there is no hope that a further attempt, two seconds later, reads it.
        /// - Parameter attempts: how many there were.
        func isFinal(after attempts: Int) -> Bool {
            switch errno {
            // The process or the machine is short of something.
            case EMFILE, ENFILE, ENOMEM, EINTR, EAGAIN: false
            // Gone, or no segment at all.
            case ENOENT, ELOOP, EINVAL: true
            default: attempts >= 5
            }
        }
    }

    typealias Ending = JournalFrames.Ending

    /// Gives each record in `range` (bytes from the file's beginning) to `body`.
    ///
    /// - Returns: where the last whole frame ends, and why reading ended there.
    /// - Throws: `Failure` when the file cannot be read.
    func forEach(in range: Range<Int>, _ body: (EncodedUsage) -> Void) throws(Failure) -> (end: Int, ending: Ending) {
        let file = try open()
        var chunk = [UInt8](repeating: 0, count: min(Self.usualSize, max(range.count, JournalFormat.headerSize)))

        guard try read(file, into: &chunk, at: 0, count: JournalFormat.headerSize) == JournalFormat.headerSize else {
            return (0, .torn)
        }
        guard chunk.withUnsafeBytes({ JournalFormat.isHeader($0, ofSegment: segment) }) else {
            return (0, chunk.withUnsafeBytes { JournalFormat.isOfNewerFormat($0) } ? .newer : .damaged)
        }

        var offset = max(range.lowerBound, JournalFormat.headerSize)
        while offset < range.upperBound {
            let count = try read(file, into: &chunk, at: offset, count: min(chunk.count, range.upperBound - offset))
            guard count > 0 else { return (offset, .torn) }
            let (used, ending) = chunk.withUnsafeBytes {
                JournalFrames.read(UnsafeRawBufferPointer(rebasing: $0[..<count]), body)
            }
            offset += used
            if ending == .damaged || ending == .newer { return (offset, ending) }
            guard used == 0 else { continue }
            // A chunk of this size holds more than the greatest frame: then only the file's end leaves nothing to use.
            let greater = min(Self.greatestSize, range.upperBound - offset)
            guard count == chunk.count, greater > chunk.count else { return (offset, .torn) }
            chunk = [UInt8](repeating: 0, count: greater)
        }
        return (offset, .complete)
    }

    /// How long ago the first request ended that is in a journal between two positions, in milliseconds; 0 where there is none.
    static func age(from: JournalPosition, to end: JournalPosition, in directory: String, now: Int) -> Int {
        guard from < end else { return 0 }
        for segment in StateFiles.segments(in: directory) where (from.segment...end.segment).contains(segment) {
            let reader = JournalReader(path: directory + "/" + JournalFormat.fileName(ofSegment: segment), segment: segment)
            let start = segment == from.segment ? max(from.offset, JournalFormat.headerSize) : JournalFormat.headerSize
            let stop = segment == end.segment ? end.offset : (try? reader.size()) ?? 0
            guard start < stop, let time = reader.firstTime(in: start..<stop) else { continue }
            return max(0, UsageAmounts.clamped(now) - max(0, time))
        }
        return 0
    }

    /// Milliseconds since 1970. No more is read than it takes.
    private func firstTime(in range: Range<Int>) -> Int? {
        for size in [64 << 10, Self.greatestSize] {
            var time: Int?
            _ = try? forEach(in: range.lowerBound..<min(range.upperBound, range.lowerBound + size)) { record in
                if time == nil { time = record.endMilliseconds }
            }
            if let time { return time }
        }
        return nil
    }

    /// How many frames begin before `end`, by their lengths alone: whether they are whole is not looked at.
    func count(before end: Int) throws(Failure) -> Int {
        let file = try open()
        var chunk = [UInt8](repeating: 0, count: Self.usualSize)
        var (count, offset) = (0, JournalFormat.headerSize)
        while offset < end {
            let size = try read(file, into: &chunk, at: offset, count: min(chunk.count, end - offset))
            var place = 0
            while place <= size - JournalFormat.frameHeadSize {
                let payload = chunk.withUnsafeBytes {
                    Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
                }
                guard (1...JournalFormat.maximumPayload).contains(payload) else { return count }
                place += JournalFormat.frameHeadSize + payload
                count += 1
            }
            guard place > 0 else { break }
            offset += place
        }
        return count
    }

    /// Whether the file begins as the segment of its number does.
    func hasHeader() throws(Failure) -> Bool {
        let file = try open()
        var header = [UInt8](repeating: 0, count: JournalFormat.headerSize)
        guard try read(file, into: &header, at: 0, count: header.count) == header.count else { return false }
        return header.withUnsafeBytes { JournalFormat.isHeader($0, ofSegment: segment) }
    }

    /// Only a regular file is a segment: a FIFO would be waited for, a link leads who knows where.
    private func open() throws(Failure) -> FileDescriptor {
        let number = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard number >= 0 else { throw Failure(call: "open \(path)", errno: errno) }
        let file = FileDescriptor(number)
        var status = stat()
        guard fstat(number, &status) == 0 else { throw Failure(call: "stat \(path)", errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure(call: "open \(path)", errno: EINVAL) }
        return file
    }

    /// Bytes of the file.
    func size() throws(Failure) -> Int { Int(try status().st_size) }

    /// When the file was written last; milliseconds since 1970.
    func lastWritten() throws(Failure) -> Int {
        let time = try status().st_mtim
        return UsageAmounts.clamped(time.tv_sec) * 1000 + time.tv_nsec / 1_000_000
    }

    private func status() throws(Failure) -> stat {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Failure(call: "stat \(path)", errno: errno) }
        return status
    }

    /// Bytes. What is read at once is looked at while the processor still has it near.
    private static let usualSize = 256 << 10
    /// More than the greatest frame.
    private static let greatestSize = 2 << 20

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
