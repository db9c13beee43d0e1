/// How a segment of the usage journal looks: a header, then frames.
///
/// Header, 16 bytes: `proxydJ1`, then the segment's number. Frame: length of the payload and CRC-32C over that length and the
/// payload, four bytes each, then the payload, which is one encoded `UsageRecord`. All numbers are little-endian.
enum JournalFormat {
    static let headerSize = 16
    static let frameHeadSize = 8
    /// Bytes. An encoded record, every text of it cut and as many as may be, stays below; a greater length in a file is damage.
    static let maximumPayload = 1 << 20
    /// No segment has a greater number: a thousand of them in a second would last for thirty thousand years.
    static let maximumSegment = 999_999_999_999_999
    /// Bytes. No position in a segment is beyond.
    static let maximumOffset = 1 << 40
    private static let magic = Array("proxydJ1".utf8)

    static func header(ofSegment segment: Int) -> [UInt8] {
        magic + withUnsafeBytes(of: UInt64(truncatingIfNeeded: segment).littleEndian) { Array($0) }
    }

    static func isHeader(_ bytes: UnsafeRawBufferPointer, ofSegment segment: Int) -> Bool {
        bytes.count >= headerSize && bytes[..<headerSize].elementsEqual(header(ofSegment: segment))
    }

    /// Whether the file is a journal of ours in a format that came after this one.
    static func isOfNewerFormat(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= magic.count, bytes[..<7].elementsEqual(magic[..<7]) else { return false }
        return (UInt8(ascii: "2")...UInt8(ascii: "9")).contains(bytes[7])
    }

    static func fileName(ofSegment segment: Int) -> String {
        let digits = String(segment)
        return String(repeating: "0", count: max(0, 16 - digits.count)) + digits + ".journal"
    }

    static func segment(ofFileName name: String) -> Int? {
        guard name.hasSuffix(".journal"), let segment = Int(name.dropLast(8)), (1...maximumSegment).contains(segment) else {
            return nil
        }
        return fileName(ofSegment: segment) == name ? segment : nil
    }

    /// Fills in the head of a frame whose payload is written already.
    static func finish(frame: UnsafeMutableRawBufferPointer) {
        let payload = UnsafeRawBufferPointer(rebasing: frame[frameHeadSize...])
        frame.storeBytes(of: UInt32(truncatingIfNeeded: payload.count).littleEndian, as: UInt32.self)
        let length = UnsafeRawBufferPointer(rebasing: frame[..<4])
        let crc = CRC32C.checksum(payload, after: CRC32C.checksum(length))
        frame.storeBytes(of: crc.littleEndian, toByteOffset: 4, as: UInt32.self)
    }

    enum Frame: Equatable {
        /// The payload's size; it begins `frameHeadSize` bytes on.
        case whole(payload: Int)
        /// The frame goes on behind the bytes given.
        case partial
        case damaged
    }

    /// What is at the beginning of `bytes`, which are not empty.
    static func frame(in bytes: UnsafeRawBufferPointer) -> Frame {
        guard bytes.count >= frameHeadSize else { return .partial }
        let payload = Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
        // Zeroes are what a file system leaves behind after a power cut: no frame is empty.
        guard payload > 0, payload <= maximumPayload else { return .damaged }
        guard bytes.count >= frameHeadSize + payload else { return .partial }
        let crc = CRC32C.checksum(
            UnsafeRawBufferPointer(rebasing: bytes[frameHeadSize..<(frameHeadSize + payload)]),
            after: CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<4])))
        let expected = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        return crc == expected ? .whole(payload: payload) : .damaged
    }
}

/// A place between two frames of the journal.
struct JournalPosition: Sendable, Hashable, Comparable {
    /// Counts from 1.
    var segment: Int
    /// Bytes from the beginning of the segment's file.
    var offset: Int

    static func startOf(segment: Int) -> JournalPosition {
        JournalPosition(segment: segment, offset: JournalFormat.headerSize)
    }

    /// Whether a journal can stand there.
    var isPossible: Bool {
        (0...JournalFormat.maximumSegment).contains(segment) && (0...JournalFormat.maximumOffset).contains(offset)
    }

    static func < (a: JournalPosition, b: JournalPosition) -> Bool {
        (a.segment, a.offset) < (b.segment, b.offset)
    }
}
