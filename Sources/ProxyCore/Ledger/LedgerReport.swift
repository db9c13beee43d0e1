/// What a walk through the database and the journal found.
public struct LedgerReport: Sendable, Hashable {
    public struct Segment: Sendable, Hashable {
        public var number: Int
        public var bytes: Int
        /// Whole records.
        public var records: Int
        /// What ends it too early; nil where it is whole.
        public var damage: String?

        public init(number: Int, bytes: Int, records: Int, damage: String?) {
            self.number = number
            self.bytes = bytes
            self.records = records
            self.damage = damage
        }
    }

    /// Keys that are not deleted.
    public var keys = 0
    /// Requests that are booked.
    public var requests = 0
    public var segments: [Segment] = []
    /// What is damaged, a sentence each.
    public var damages: [String] = []
    /// What an earlier start set aside because it could not be read.
    public var setAside: [String] = []

    public init() {}

    public var isWhole: Bool { damages.isEmpty }
}

extension LedgerReport {
    /// - Parameter end: where the journal is written on; nil where nobody writes.
    init(store: any Store, journal: String, end: JournalPosition?) {
        self.init()
        do {
            damages += try store.check()
            if let counts = try store.counts() {
                (keys, requests) = counts
                if let booked = try store.bookedPosition(), Self.lacks(booked, journal, end) {
                    damages.append("the database has booked more than the journal holds")
                }
            }
        } catch {
            damages.append("the database cannot be read: \(error)")
        }
        walk(journal, end)
        let parent = journal.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        setAside = (StateFiles.names(in: journal) + StateFiles.names(in: parent)).filter { $0.contains(".damaged") }
    }

    /// Whether the journal ends before a position. Where a copy was put back there is none, and nothing is lacking.
    private static func lacks(_ booked: JournalPosition, _ journal: String, _ end: JournalPosition?) -> Bool {
        if let end { return end < booked }
        let size = StateFiles.size(journal + "/" + JournalFormat.fileName(ofSegment: booked.segment))
        return booked.offset > JournalFormat.headerSize && size.map { $0 < booked.offset } ?? false
    }

    private mutating func walk(_ journal: String, _ end: JournalPosition?) {
        let numbers = StateFiles.segments(in: journal)
        for number in numbers {
            let path = journal + "/" + JournalFormat.fileName(ofSegment: number)
            let reader = JournalReader(path: path, segment: number)
            var segment = Segment(number: number, bytes: 0, records: 0, damage: nil)
            do throws(JournalReader.Failure) {
                let size = try reader.size()
                segment.bytes = size
                // What is being written is no damage.
                let limit = end.map { $0.segment == number ? min($0.offset, size) : size } ?? size
                let (stop, ending) = try reader.forEach(in: JournalFormat.headerSize..<max(limit, JournalFormat.headerSize)) {
                    _ in
                    segment.records += 1
                }
                if ending != .complete {
                    segment.damage = Self.damage(ending, at: stop, of: size, isLast: number == numbers.last)
                }
            } catch {
                segment.damage = "cannot be read: \(error.call): \(LedgerFailure.text(ofErrno: error.errno))"
            }
            if let damage = segment.damage { damages.append("journal segment \(number): \(damage)") }
            segments.append(segment)
        }
    }

    private static func damage(_ ending: JournalReader.Ending, at stop: Int, of size: Int, isLast: Bool) -> String {
        switch ending {
        case .newer: "is of a newer version of proxyd"
        case .torn where isLast: "ends within a record, at byte \(stop) of \(size): the next start drops the rest"
        case .torn: "ends within a record, at byte \(stop) of \(size)"
        case .damaged, .complete: "is damaged from byte \(stop) of \(size) on"
        }
    }
}
