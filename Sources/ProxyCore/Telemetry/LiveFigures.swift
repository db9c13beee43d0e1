import Synchronization

/// What the last hour was like, in slots of ten seconds, for who looks on: gone with the process, and no report. Each event loop
/// counts into a part of its own; whoever looks adds them up.
public final class LiveFigures: Sendable {
    public static let slotSeconds = 10
    /// An hour and the slot that is under way.
    public static let slots = 361

    private let parts = Mutex<[Part]>([])

    public init() {}

    /// The figures of one event loop.
    func part() -> Part {
        let part = Part()
        parts.withLock { $0.append(part) }
        return part
    }

    /// The slots up to this moment, the oldest first.
    /// - Parameter now: seconds since 1970.
    public func slots(now: Int) -> [Slot] {
        let last = now / Self.slotSeconds
        var all = (0..<Self.slots).map { Slot(number: last - Self.slots + 1 + $0) }
        for part in parts.withLock({ $0 }) { part.add(to: &all) }
        return all
    }

    /// How many requests are counted: another number where one has ended since.
    public var counted: Int { parts.withLock { $0 }.reduce(0) { $0 + $1.counted } }

    /// One loop's counts. Its lock is free but while somebody looks.
    public final class Part: Sendable {
        private let ring = Mutex<[Slot]>([])

        /// Counts a request that has ended.
        func count(_ entry: borrowing RequestLogEntry) {
            guard entry.timeMilliseconds >= 0 else { return }
            let number = entry.timeMilliseconds / 1_000 / LiveFigures.slotSeconds
            let place = number % LiveFigures.slots
            ring.withLock { ring in
                if ring.isEmpty { ring = [Slot](repeating: Slot(number: -1), count: LiveFigures.slots) }
                if ring[place].number != number { ring[place] = Slot(number: number) }
                ring[place].count(entry)
            }
        }

        fileprivate var counted: Int { ring.withLock { $0.reduce(0) { $0 + $1.requests } } }

        fileprivate func add(to all: inout [Slot]) {
            ring.withLock { ring in
                guard !ring.isEmpty else { return }
                for index in all.indices where all[index].number >= 0 {
                    let slot = ring[all[index].number % LiveFigures.slots]
                    if slot.number == all[index].number { all[index].add(slot) }
                }
            }
        }
    }

    /// What ended within ten seconds, or within several of these together.
    public struct Slot: Sendable {
        /// Which ten seconds since 1970.
        public var number: Int
        public private(set) var requests = 0
        /// 5xx, and answers that an upstream or proxyd cut.
        public private(set) var errors = 0
        /// 4xx.
        public private(set) var refused = 0
        public private(set) var input = 0
        public private(set) var output = 0
        public private(set) var costNanoDollars = 0
        /// Times to the first byte: below a millisecond, then each bound √2 of the one before, 190 s and more in the last.
        private var firstBytes = InlineArray<36, UInt32>(repeating: 0)

        public init(number: Int) { self.number = number }

        mutating func count(_ entry: borrowing RequestLogEntry) {
            requests &+= 1
            let isCut = entry.outcome.party == .upstream || entry.outcome.party == .proxy
            if entry.status >= 500 || (isCut && entry.status < 400) {
                errors &+= 1
            } else if entry.status >= 400 {
                refused &+= 1
            }
            input = UsageAmounts.sum(input, max(0, entry.amounts.inputTokens))
            output = UsageAmounts.sum(output, max(0, entry.amounts.outputTokens))
            costNanoDollars = UsageAmounts.sum(costNanoDollars, max(0, entry.amounts.cost))
            if entry.firstByteMicroseconds >= 0 { firstBytes[Self.place(of: entry.firstByteMicroseconds / 1_000)] &+= 1 }
        }

        public mutating func add(_ other: Slot) {
            requests &+= other.requests
            errors &+= other.errors
            refused &+= other.refused
            input = UsageAmounts.sum(input, other.input)
            output = UsageAmounts.sum(output, other.output)
            costNanoDollars = UsageAmounts.sum(costNanoDollars, other.costNanoDollars)
            for index in firstBytes.indices { firstBytes[index] &+= other.firstBytes[index] }
        }

        /// Milliseconds within which this share of the requests had their first byte; nil where none had one.
        public func firstByte(share: Double) -> Int? {
            let all = firstBytes.indices.reduce(0) { $0 &+ Int(firstBytes[$1]) }
            guard all > 0 else { return nil }
            let rank = max(1, (share * Double(all)).rounded(.up))
            var before = 0.0
            for index in firstBytes.indices where firstBytes[index] > 0 {
                let here = Double(firstBytes[index])
                if before + here >= rank {
                    let (low, high) = (Self.bound(index), Self.bound(index + 1))
                    return Int((low + (high - low) * (rank - before) / here).rounded())
                }
                before += here
            }
            return nil
        }

        private static func place(of milliseconds: Int) -> Int {
            guard milliseconds > 0 else { return 0 }
            let milliseconds = min(milliseconds, 1 << 20)
            let power = Int.bitWidth - 1 - milliseconds.leadingZeroBitCount
            // √2 of the power lies where the square is twice its square.
            let isUpper = milliseconds * milliseconds >= 2 << (2 * power)
            return min(1 + 2 * power + (isUpper ? 1 : 0), 35)
        }

        /// The least milliseconds of a place.
        private static func bound(_ place: Int) -> Double {
            guard place > 0 else { return 0 }
            let power = Double(1 << ((place - 1) / 2))
            return place % 2 == 0 ? power * 2.0.squareRoot() : power
        }
    }
}
