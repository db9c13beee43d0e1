import CGuardedMapping
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Requests in flight, where they outlive the process: slots of a file that is mapped into memory.
///
/// A slot is written by copying some bytes, without a system call; what is written is the kernel's when the process is killed.
/// Each slot holds one frame, as the journal has them, of what is known of the request when its first upstream is asked. A piece of
/// the file has short slots or, behind a mark in the place of the first, long ones for the few that have much to tell.
final class InFlightFile: Sendable {
    static let slotSize = 1_024
    static let longSlotSize = 8_192
    static let slotsPerPiece = 256
    static let pieceSize = slotSize * slotsPerPiece
    /// What a piece of long slots begins with: no frame does.
    private static let longMark = UInt64.max

    private let file: FileDescriptor
    private let state = Mutex(State())
    /// Tells its mappings from those of other files.
    private let owner = InFlightFile.owners.wrappingAdd(1, ordering: .relaxed).newValue

    private static let owners = Atomic<Int>(0)

    private struct State {
        /// Bytes that were given out.
        var size = 0
        var isLost = false
    }

    /// Begins the file anew.
    init(_ path: String) throws(LedgerFailure) {
        let number = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw .failed("open \(path)", errno: errno) }
        file = FileDescriptor(number)
    }

    /// Some free slots; nil where the disk has no room for them.
    func takePiece(long isLong: Bool = false) -> Piece? {
        state.withLock { state in
            guard !state.isLost else { return nil }
            // Room is taken before it is mapped: what a write into a mapping finds none for is lost.
            guard posix_fallocate(file.number, off_t(state.size), off_t(Self.pieceSize)) == 0 else { return nil }
            let protection = PROT_READ | PROT_WRITE
            guard let base = mmap(nil, Self.pieceSize, protection, MAP_SHARED, file.number, off_t(state.size)),
                base != MAP_FAILED
            else { return nil }
            // A disk that fails, or is full all the same, would end the process with the next write.
            guard guarded_mapping_add(base, Self.pieceSize, owner) else {
                munmap(base, Self.pieceSize)
                return nil
            }
            state.size += Self.pieceSize
            if isLong { base.storeBytes(of: Self.longMark, as: UInt64.self) }
            return Piece(base, isLong: isLong)
        }
    }

    /// Whether a disk that fails has taken some of it: memory stands in for that, and nothing of it outlives the process. Tells it
    /// once.
    func takeLoss() -> Bool {
        state.withLock { state in
            guard !state.isLost, guarded_mapping_lost(owner) else { return false }
            state.isLost = true
            // What is left in it gets no younger: a later process would take it for what was in flight when this one ended.
            _ = ftruncate(file.number, 0)
            return true
        }
    }

    /// A mapping, as long as somebody has it.
    final class Piece {
        private let base: UnsafeMutableRawPointer
        let isLong: Bool

        fileprivate init(_ base: UnsafeMutableRawPointer, isLong: Bool) {
            self.base = base
            self.isLong = isLong
        }

        var slotSize: Int { isLong ? InFlightFile.longSlotSize : InFlightFile.slotSize }

        /// The numbers of its slots.
        var slots: Range<Int> { isLong ? 1..<(InFlightFile.pieceSize / slotSize) : 0..<InFlightFile.slotsPerPiece }

        deinit {
            guarded_mapping_remove(base)
            munmap(base, InFlightFile.pieceSize)
        }

        func slot(_ index: Int) -> UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(start: base + index * slotSize, count: slotSize)
        }
    }

    /// What the process before left in its slots, the oldest first. Whatever the bytes are, only whole records are given.
    /// - Parameter trouble: told why there may be more than is given.
    static func left(at path: String, trouble: (LedgerFailure) -> Void = { _ in }) -> [UsageRecord] {
        let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard number >= 0 else {
            if errno != ENOENT { trouble(.failed("open \(path)", errno: errno)) }
            return []
        }
        let file = FileDescriptor(number)
        var records: [UsageRecord] = []
        var damaged = 0
        var piece = [UInt8](repeating: 0, count: pieceSize)
        var offset = 0
        while true {
            let count = pread(file.number, &piece, piece.count, off_t(offset))
            if count < 0 { trouble(.failed("read \(path)", errno: errno)) }
            guard count >= slotSize else { break }
            piece.withUnsafeBytes { bytes in
                let isLong = bytes.loadUnaligned(as: UInt64.self) == longMark
                let size = isLong ? longSlotSize : slotSize
                for start in stride(from: isLong ? size : 0, through: count - size, by: size) {
                    let slot = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + size)])
                    // A slot that is free has no length.
                    guard slot.loadUnaligned(as: UInt32.self) != 0 else { continue }
                    if let record = record(in: slot) { records.append(record) } else { damaged += 1 }
                }
            }
            offset += count
        }
        if damaged > 0 { trouble(.failed("read \(damaged) of the slots of \(path)", errno: EBADMSG)) }
        return records.sorted { $0.endMilliseconds < $1.endMilliseconds }
    }

    private static func record(in slot: UnsafeRawBufferPointer) -> UsageRecord? {
        guard case .whole(let size) = JournalFormat.frame(in: slot) else { return nil }
        let begin = JournalFormat.frameHeadSize
        return EncodedUsage(UnsafeRawBufferPointer(rebasing: slot[begin..<(begin + size)]))?.record()
    }
}

/// The slots that one event loop has.
struct InFlightSlots {
    private let file: InFlightFile?
    private var pieces: [InFlightFile.Piece] = []
    private var free: [Int] = []
    private var freeLong: [Int] = []
    /// Requests until a disk without room is asked again.
    private var waits = 0
    private static let pause = 1_000

    init(_ file: InFlightFile?) {
        self.file = file
    }

    /// Keeps a record until its slot is freed.
    /// - Returns: the slot; nil where there is no room for it.
    /// - Parameter slot: where the request is kept already.
    mutating func keep(_ record: borrowing UsageRecord, in slot: Int? = nil) -> Int? {
        let size = record.maximumEncodedSize + JournalFormat.frameHeadSize
        if let kept = put(record, size, in: slot) { return kept }
        guard size > InFlightFile.slotSize else { return slot }
        let short = record.shortened
        return put(short, short.maximumEncodedSize + JournalFormat.frameHeadSize, in: slot) ?? slot
    }

    private mutating func put(_ record: borrowing UsageRecord, _ maximumSize: Int, in slot: Int?) -> Int? {
        if let slot, maximumSize <= bytes(slot).count {
            write(record, to: slot)
            return slot
        }
        let isLong = maximumSize > InFlightFile.slotSize
        guard maximumSize <= InFlightFile.longSlotSize,
            let index = (isLong ? freeLong.popLast() : free.popLast()) ?? more(long: isLong)
        else { return nil }
        write(record, to: index)
        if let slot { free(slot) }
        return index
    }

    private func write(_ record: borrowing UsageRecord, to index: Int) {
        let slot = bytes(index)
        let payload = UnsafeMutableRawBufferPointer(rebasing: slot[JournalFormat.frameHeadSize...])
        let size = JournalFormat.frameHeadSize + record.encode(into: payload)
        JournalFormat.finish(frame: UnsafeMutableRawBufferPointer(rebasing: slot[..<size]))
    }

    mutating func free(_ index: Int) {
        // No frame is empty.
        bytes(index).storeBytes(of: 0, as: UInt32.self)
        if pieces[index / InFlightFile.slotsPerPiece].isLong { freeLong.append(index) } else { free.append(index) }
    }

    private func bytes(_ index: Int) -> UnsafeMutableRawBufferPointer {
        let (piece, slot) = index.quotientAndRemainder(dividingBy: InFlightFile.slotsPerPiece)
        return pieces[piece].slot(slot)
    }

    private mutating func more(long isLong: Bool) -> Int? {
        guard waits == 0, let piece = file?.takePiece(long: isLong) else {
            waits = waits == 0 ? Self.pause : waits - 1
            return nil
        }
        let first = pieces.count * InFlightFile.slotsPerPiece
        pieces.append(piece)
        // The lowest is taken first: what is never used is never touched.
        let indices = piece.slots.reversed().map { first + $0 }
        guard isLong else {
            free.append(contentsOf: indices)
            return free.popLast()
        }
        freeLong.append(contentsOf: indices)
        return freeLong.popLast()
    }
}

extension UsageRecord {
    /// The record without what makes it long.
    fileprivate var shortened: UsageRecord {
        var record = self
        record.question.model = String(record.question.model.prefix(64))
        record.question.session = ""
        record.question.agent = ""
        record.course.steps = []
        record.charges = []
        record.key = .none
        if labels.encoded.count > InFlightFile.slotSize / 2 {
            record.labels = UsageLabels(
                upstream: labels.upstream, account: labels.account, rule: labels.rule, tier: labels.tier)
        }
        return record
    }
}
