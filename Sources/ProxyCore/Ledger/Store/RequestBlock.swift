/// Records as the store keeps them for the list of requests: as they lie in the journal, some hundred in one value.
///
/// A row of a table for each record would cost more than all else that is done for a request; what is asked of the records is
/// mostly the newest of them, and what a block cannot hold is passed over by its masks.
struct RequestBlock: Sendable {
    /// Milliseconds since 1970.
    private(set) var oldest = Int.max
    private(set) var newest = 0
    private(set) var count = 0
    /// Payloads in the order in which they were written, each with its length before it.
    private(set) var bytes: [UInt8] = []
    private(set) var masks = Masks()

    static let maximumCount = 256
    static let maximumBytes = 64 << 10
    private static let headSize = 4

    /// Two bits of 64 for each text that is in the block: where they are missing, it is not in it.
    struct Masks: Sendable, Hashable {
        var keys = 0
        var models = 0
        var sessions = 0

        /// Stays the same from one process to the next: FNV-1a.
        static func mask(_ bytes: UnsafeRawBufferPointer) -> Int {
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            hash ^= hash >> 32
            return Int(bitPattern: 1 << UInt(hash & 63) | 1 << UInt(hash >> 6 & 63))
        }

        static func mask(_ text: String) -> Int {
            var text = text
            return text.withUTF8 { mask(UnsafeRawBufferPointer($0)) }
        }
    }

    init() {}

    /// One that was kept.
    init(oldest: Int, newest: Int, count: Int, masks: Masks, bytes: [UInt8]) {
        (self.oldest, self.newest, self.count, self.masks, self.bytes) = (oldest, newest, count, masks, bytes)
    }

    var isFull: Bool { count >= Self.maximumCount || bytes.count >= Self.maximumBytes }

    mutating func append(_ record: EncodedUsage) {
        oldest = min(oldest, record.endMilliseconds)
        newest = max(newest, record.endMilliseconds)
        count += 1
        masks.keys |= Masks.mask(record.keyID)
        masks.models |= Masks.mask(record.model)
        if !record.question.session.isEmpty { masks.sessions |= Masks.mask(record.question.session) }
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: record.payload.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: record.payload)
    }

    /// The payloads in `bytes`, which may be damaged: those that are whole.
    static func payloads(in bytes: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer] {
        var payloads: [UnsafeRawBufferPointer] = []
        var start = 0
        while start <= bytes.count - headSize {
            let size = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self)))
            let begin = start + headSize
            guard size <= bytes.count - begin else { break }
            payloads.append(UnsafeRawBufferPointer(rebasing: bytes[begin..<(begin + size)]))
            start = begin + size
        }
        return payloads
    }

    /// Shows what is wanted of a block.
    static func show(_ bytes: UnsafeRawBufferPointer, for wanted: RequestPattern, _ body: (EncodedUsage) -> Void) {
        for payload in payloads(in: bytes) {
            if let usage = EncodedUsage(payload), wanted.matches(usage) { body(usage) }
        }
    }

    /// Adds what is wanted of a block to the page.
    /// - Returns: where the page ended, if it is full and there is more.
    static func look(
        at bytes: UnsafeRawBufferPointer, _ block: Int, for wanted: RequestPattern, _ page: inout RequestPage
    ) -> RequestCursor? {
        let payloads = payloads(in: bytes)
        for index in payloads.indices.reversed() {
            if let before = wanted.filter.before, block == before.block, index >= before.index { continue }
            guard let usage = EncodedUsage(payloads[index]), wanted.matches(usage), let record = usage.record() else { continue }
            guard page.records.count < wanted.filter.limit else { return page.next }
            page.records.append(record)
            page.next = RequestCursor(block: block, index: index)
        }
        return nil
    }
}

/// Records on their way into blocks.
struct RequestBlocks {
    private var blocks: [RequestBlock] = []

    mutating func append(_ record: EncodedUsage) {
        if blocks.last?.isFull ?? true { blocks.append(RequestBlock()) }
        blocks[blocks.count - 1].append(record)
    }

    mutating func take() -> [RequestBlock] {
        defer { blocks = [] }
        return blocks
    }
}
