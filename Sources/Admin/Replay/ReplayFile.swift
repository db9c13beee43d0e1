import Foundation
import ProxyCore

/// A file of recorded decisions, decided anew: in pieces of whole lines, as many at once as there are processors.
public struct ReplayFile: Sendable {
    private let handle: FileHandle

    /// Bytes of a piece; a line that is longer has a piece of its own.
    private static let pieceSize = 4 << 20
    /// No decision is longer; what is, is skipped as a bad line.
    private static let longestLine = 16 << 20

    public init(_ handle: FileHandle) { self.handle = handle }

    public func replay(_ replay: DecisionReplay) async throws -> ReplayReport {
        let width = ProcessInfo.processInfo.activeProcessorCount
        var report = ReplayReport()
        var line = 1
        /// The beginning of a line whose end was not read yet.
        var rest: [UInt8] = []
        try await withThrowingTaskGroup(of: ReplayReport.self) { group in
            var running = 0
            while let (read, end) = try next(after: rest), !read.isEmpty {
                guard let end else {
                    guard read.count <= Self.longestLine else { throw ReplayFailure.lineTooLong(line) }
                    rest = read
                    continue
                }
                rest = Array(read[end...])
                if running >= max(width, 1), let done = try await group.next() {
                    report.add(done)
                    running -= 1
                }
                let first = line
                line += Self.lines(in: read, to: end)
                group.addTask { Self.decide(read, to: end, first, replay) }
                running += 1
            }
            if !rest.isEmpty {
                let (piece, first) = (rest, line)
                group.addTask { Self.decide(piece, to: piece.count, first, replay) }
            }
            for try await done in group { report.add(done) }
        }
        return report
    }

    /// What was read before and the piece that follows, and where its last whole line ends; nil at the end of the file.
    private func next(after rest: [UInt8]) throws -> (bytes: [UInt8], end: Int?)? {
        var count = 0
        let bytes = try [UInt8](unsafeUninitializedCapacity: rest.count + Self.pieceSize) { buffer, filled in
            _ = buffer.initialize(from: rest)
            filled = rest.count
            guard let base = buffer.baseAddress else { return }
            // A pipe has little at a time.
            while count < Self.pieceSize {
                let more = Foundation.read(handle.fileDescriptor, base + filled, Self.pieceSize - count)
                if more < 0, errno == EINTR { continue }
                guard more >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
                guard more > 0 else { return }
                count += more
                filled += more
            }
        }
        guard count > 0 else { return nil }
        // What was there before has no line's end.
        let newline = bytes[rest.count...].lastIndex(of: UInt8(ascii: "\n"))
        return (bytes, newline.map { $0 + 1 })
    }

    private static func lines(in bytes: [UInt8], to end: Int) -> Int {
        bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            var (lines, start) = (0, 0)
            while start < end, let found = memchr(base + start, 0x0A, end - start) {
                lines += 1
                start = UnsafeRawPointer(found) - base + 1
            }
            return lines
        }
    }

    private static func decide(_ piece: [UInt8], to end: Int, _ first: Int, _ replay: DecisionReplay) -> ReplayReport {
        var report = ReplayReport()
        piece.withUnsafeBytes { all in
            let bytes = UnsafeRawBufferPointer(rebasing: all[..<end])
            guard let base = bytes.baseAddress else { return }
            var (start, line) = (0, first)
            while start < bytes.count {
                let end = memchr(base + start, 0x0A, bytes.count - start).map { UnsafeRawPointer($0) - base } ?? bytes.count
                defer { (start, line) = (end + 1, line + 1) }
                guard end > start else { continue }
                do throws(RecordedDecision.Unreadable) {
                    let recorded = try RecordedDecision(line: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                    report.add(recorded, replay.decide(recorded))
                } catch {
                    report.addBad(line: line, error)
                }
            }
        }
        return report
    }
}

/// Why a file of decisions cannot be read on.
public enum ReplayFailure: Error, Sendable, CustomStringConvertible {
    case lineTooLong(Int)

    public var description: String {
        switch self {
        case .lineTooLong(let line): "line \(line) is longer than any decision: is it a file of decisions?"
        }
    }
}
