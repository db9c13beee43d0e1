import Logging

#if canImport(Glibc)
import Glibc
#endif

/// Books what the last process left behind, when nothing writes yet.
struct JournalRecovery {
    let directory: String
    let store: any Store
    /// Milliseconds since 1970.
    let now: Int
    let logger: Logger
    /// Whether no file of a segment goes: somebody else reads them too.
    var keepsSegments = false
    /// So many of the latest requests that are booked are remembered.
    var mostRemembered = RecentRequests.mostAtOnce

    /// Reads the segments there are. What is booked already is only remembered, to recognise a request that comes again, and for
    /// what the last minute was charged: what is too old for both is not read.
    ///
    /// A torn or damaged frame ends its segment. In the last segment that is what a power cut leaves, and it is cut off;
    /// in an earlier one it is damage, and a warning says how much is lost, and the file is kept
    /// with `.damaged` behind its name. All other files are gone afterwards, but for those that hold charges of the last minute:
    /// the next start wants to know them too.
    ///
    /// - Returns: where the journal begins now, which is where the store is: a segment that never existed. Going on in the
    ///   last one could put records before a position that outlived the bytes it counted.
    func run(_ rollup: inout UsageRollup) throws -> Result {
        let segments = try segments()
        let booked = try store.bookedPosition()
        // A file that only bears a segment's name takes no part in the numbering: it may bear the last of all numbers.
        let genuine = segments.filter { (try? reader($0).hasHeader()) ?? false }
        var damaged: [Int] = []
        var kept: [Int: Int] = [:]
        let remembered = firstRemembered(genuine, booked)
        for segment in segments {
            let isLast = segment == segments.last || segment == genuine.last
            if segment < remembered, genuine.contains(segment), isOld(segment) { continue }
            if try book(segment, isLast: isLast, isRemembered: segment >= remembered, booked: booked, &rollup) {
                damaged.append(segment)
            }
            let end = rollup.takeLatestCharge() + Self.minute
            // The clock is told in whole seconds.
            if end > now, end - now <= Self.minute + 1_000 { kept[segment] = end }
        }
        let last = max(genuine.last ?? 0, booked?.segment ?? 0)
        let start = JournalPosition.startOf(segment: last + 1)
        guard start.isPossible else {
            throw StateFailure.unusable(path: path(last), reason: "the journal's numbers are used up by this segment")
        }
        try store.move(to: start)
        if !segments.isEmpty {
            try store.checkpoint()
            for segment in segments where !keepsSegments && !damaged.contains(segment) && kept[segment] == nil {
                unlink(path(segment))
            }
            for segment in damaged { rename(path(segment), path(segment) + ".damaged") }
        }
        return Result(
            start: start, kept: kept.filter { !damaged.contains($0.key) },
            oldest: (keepsSegments ? genuine : Array(kept.keys)).filter { !damaged.contains($0) }.min() ?? start.segment)
    }

    struct Result {
        var start: JournalPosition
        /// Segments that are booked, and until when their files stay: milliseconds since 1970.
        var kept: [Int: Int]
        /// The first segment that still has a file.
        var oldest: Int
    }

    /// Milliseconds.
    static let minute = 60_000

    /// Tells whether a part of the segment is lost that should not be.
    private func book(
        _ segment: Int, isLast: Bool, isRemembered: Bool, booked: JournalPosition?, _ rollup: inout UsageRollup
    ) throws -> Bool {
        var isDamaged = false
        var isNewer = false
        let start = booked?.segment == segment ? booked?.offset ?? 0 : JournalFormat.headerSize
        let isRecorded = booked.map { segment < $0.segment } ?? false
        let reader = reader(segment)
        do throws(JournalReader.Failure) {
            let size = try reader.size()
            let middle = isRecorded ? size : min(max(start, JournalFormat.headerSize), size)
            let known = try reader.forEach(in: JournalFormat.headerSize..<max(middle, JournalFormat.headerSize)) {
                rollup.skip($0, isRemembered: isRemembered)
            }
            guard !isRecorded else { return false }
            let (end, ending) = known.ending == .newer ? known : try reader.forEach(in: middle..<size) { rollup.add($0) }
            isNewer = ending == .newer
            if booked?.segment == segment, size < start, !isNewer {
                logger.warning(
                    "the usage journal ends before what is booked of it: its end is gone, and what is booked stays",
                    metadata: [LogKeys.segment: "\(segment)", LogKeys.bytes: "\(start - size)"])
            } else if ending != .complete, !isNewer {
                report(segment, lost: size - end, isLast: isLast, "\(ending)")
                isDamaged = !isLast
            }
        } catch {
            report(segment, lost: nil, isLast: false, "\(error.call): \(LedgerFailure.text(ofErrno: error.errno))")
            isDamaged = true
        }
        // Nothing of it is taken: the newer version goes on where this one found it.
        if isNewer { throw StateFailure.newerSchema(path: path(segment), unknown: ["journal format"]) }
        let next = JournalPosition.startOf(segment: segment + 1)
        let from = try store.bookedPosition() ?? .startOf(segment: segment)
        try store.book(rollup.take(from: from, upTo: next))
        return isDamaged
    }

    /// The first segment whose requests are remembered: it and those after have enough that are booked. All before are booked.
    private func firstRemembered(_ segments: [Int], _ booked: JournalPosition?) -> Int {
        guard let booked else { return 0 }
        var count = 0
        // Where there are not enough in all others, the oldest is remembered as well, whatever is in it.
        for segment in segments.dropFirst().reversed() where segment <= booked.segment {
            count += (try? reader(segment).count(before: segment == booked.segment ? booked.offset : .max)) ?? 0
            if count >= mostRemembered { return segment }
        }
        return 0
    }

    /// Whether nothing was written into the segment within the last minute: no charge of it is in there.
    private func isOld(_ segment: Int) -> Bool {
        // A file's time may be a little behind the record's, and the clock is told in whole seconds.
        (try? reader(segment).lastWritten()).map { now - $0 > Self.minute + 1_000 } ?? false
    }

    private func reader(_ segment: Int) -> JournalReader { JournalReader(path: path(segment), segment: segment) }

    private func report(_ segment: Int, lost: Int?, isLast: Bool, _ reason: String) {
        let metadata: Logger.Metadata = [
            LogKeys.segment: "\(segment)", LogKeys.bytes: "\(lost.map(String.init) ?? "unknown")", LogKeys.reason: "\(reason)",
        ]
        if isLast {
            logger.notice("the usage journal ended within a record; the rest of it is dropped", metadata: metadata)
        } else {
            logger.warning("a stretch of the usage journal cannot be read and is passed over", metadata: metadata)
        }
    }

    /// The number of a segment that was not seen would be given to a new one.
    private func segments() throws -> [Int] {
        try StateFiles.list(directory).compactMap(JournalFormat.segment).sorted()
    }

    private func path(_ segment: Int) -> String {
        directory + "/" + JournalFormat.fileName(ofSegment: segment)
    }
}
