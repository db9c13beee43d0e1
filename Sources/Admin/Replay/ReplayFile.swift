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
        var rest = Data()
        try await withThrowingTaskGroup(of: ReplayReport.self) { group in
            var running = 0
            while let read = try handle.read(upToCount: Self.pieceSize), !read.isEmpty {
                rest.append(read)
                guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else {
                    guard rest.count <= Self.longestLine else { throw ReplayFailure.lineTooLong(line) }
                    continue
                }
                let piece = Array(rest[rest.startIndex...end])
                rest = Data(rest[rest.index(after: end)...])
                if running >= max(width, 1), let done = try await group.next() {
                    report.add(done)
                    running -= 1
                }
                let first = line
                line += piece.count { $0 == UInt8(ascii: "\n") }
                group.addTask { Self.decide(piece, first, replay) }
                running += 1
            }
            if !rest.isEmpty {
                let (piece, first) = (Array(rest), line)
                group.addTask { Self.decide(piece, first, replay) }
            }
            for try await done in group { report.add(done) }
        }
        return report
    }

    private static func decide(_ piece: [UInt8], _ first: Int, _ replay: DecisionReplay) -> ReplayReport {
        var report = ReplayReport()
        piece.withUnsafeBytes { bytes in
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

public enum ReplayFailure: Error, Sendable, CustomStringConvertible {
    case lineTooLong(Int)

    public var description: String {
        switch self {
        case .lineTooLong(let line): "line \(line) is longer than any decision: is it a file of decisions?"
        }
    }
}
