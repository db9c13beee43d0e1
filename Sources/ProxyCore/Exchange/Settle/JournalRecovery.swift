import Foundation
import Logging

/// Books what the last process left behind, when nothing writes yet.
struct JournalRecovery {
    let directory: String
    let store: any Store
    let logger: Logger

    /// Reads all segments there are. What is booked already is only remembered, to recognise a request that comes again.
    ///
    /// A torn or damaged frame ends its segment. In the last segment that is what a power cut leaves, and it is cut off;
    /// in an earlier one it is damage, and a warning tells how much is lost, and the file is kept
    /// with `.damaged` behind its name. All other files are gone afterwards.
    ///
    /// - Returns: where the journal begins now, which is where the store stands: a segment that never existed. Going on in the
    ///   last one could put records before a position that outlived the bytes it counted.
    func run(_ rollup: inout UsageRollup) throws -> JournalPosition {
        let segments = try segments()
        let booked = try store.bookedPosition()
        var damaged: [Int] = []
        for segment in segments where try book(segment, isLast: segment == segments.last, booked: booked, &rollup) {
            damaged.append(segment)
        }
        let last = max(segments.last ?? 0, booked?.segment ?? 0)
        let start = JournalPosition.startOf(segment: last + 1)
        try store.move(to: start)
        if !segments.isEmpty {
            try store.checkpoint()
            for segment in segments where !damaged.contains(segment) { unlink(path(segment)) }
            for segment in damaged { rename(path(segment), path(segment) + ".damaged") }
        }
        return start
    }

    /// Tells whether a part of the segment is lost that should not be.
    private func book(_ segment: Int, isLast: Bool, booked: JournalPosition?, _ rollup: inout UsageRollup) throws -> Bool {
        var isDamaged = false
        let from = booked?.segment == segment ? booked?.offset ?? 0 : JournalFormat.headerSize
        let isBooked = booked.map { segment < $0.segment } ?? false
        let reader = JournalReader(path: path(segment), segment: segment)
        do {
            let size = try reader.size()
            let middle = isBooked ? size : min(from, size)
            _ = try reader.forEach(in: JournalFormat.headerSize..<max(middle, JournalFormat.headerSize)) { rollup.skip($0) }
            guard !isBooked else { return false }
            let (end, ending) = try reader.forEach(in: middle..<max(middle, size)) { rollup.add($0) }
            if ending != .complete {
                report(segment, lost: size - end, isLast: isLast, "\(ending)")
                isDamaged = !isLast
            }
        } catch {
            report(segment, lost: nil, isLast: false, "\(error.call): \(LedgerFailure.text(ofErrno: error.errno))")
            isDamaged = true
        }
        let next = JournalPosition.startOf(segment: segment + 1)
        try store.book(
            UsageBatch(from: try store.bookedPosition() ?? .startOf(segment: segment), upTo: next, rows: rollup.take()))
        return isDamaged
    }

    private func report(_ segment: Int, lost: Int?, isLast: Bool, _ reason: String) {
        let metadata: Logger.Metadata = [
            "segment": "\(segment)", "bytes": "\(lost.map(String.init) ?? "unknown")", "reason": "\(reason)",
        ]
        if isLast {
            logger.notice("the usage journal ended within a record; the rest of it is dropped", metadata: metadata)
        } else {
            logger.warning("a stretch of the usage journal cannot be read and is passed over", metadata: metadata)
        }
    }

    private func segments() throws -> [Int] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory)
                .compactMap { JournalFormat.segment(ofFileName: $0) }
                .sorted()
        } catch {
            throw StateFailure.unusable(path: directory, reason: "\(error)")
        }
    }

    private func path(_ segment: Int) -> String {
        directory + "/" + JournalFormat.fileName(ofSegment: segment)
    }
}
