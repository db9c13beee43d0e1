/// What other nodes have used of a bucket and hold of it, as the server of limits told last. Empty where there are none.
struct OthersUse: Sendable, Hashable {
    /// By kind and window: minute, day, month, total, and what they hold at the moment. Then by kind the milliseconds until enough of
    /// the minute has passed for what was asked for; when it was told, and until when what they hold is theirs (steady clock). Then by
    /// kind the milliseconds until all of the minute has passed. One array, since a node by itself has a hundred thousand that are
    /// empty.
    private var amounts: [Int] = []

    private static let windows = 5
    private static let waits = 20
    private static let toldAt = 24
    private static let heldUntil = 25
    private static let rests = 26

    init() {}

    var isEmpty: Bool { amounts.isEmpty }

    func used(_ rate: LimitRate) -> Int {
        guard rate.window != .now, !amounts.isEmpty else { return 0 }
        return amounts[rate.kind.place * Self.windows + rate.window.place]
    }

    /// What others have used in each window: minute, day, month, total.
    func used(of kind: LimitRate.Kind) -> [Int] {
        amounts.isEmpty ? [0, 0, 0, 0] : Array(amounts[kind.place * Self.windows..<kind.place * Self.windows + 4])
    }

    /// Anything that they have used and that counts still.
    var areUsing: Bool {
        !amounts.isEmpty && LimitRate.Kind.allCases.contains { kind in used(of: kind).contains { $0 > 0 } }
    }

    func held(_ kind: LimitRate.Kind) -> Int {
        amounts.isEmpty ? 0 : amounts[kind.place * Self.windows + LimitRate.Window.now.place]
    }

    /// Milliseconds from `now` until enough of the minute has passed; nil where that is not known.
    func wait(_ kind: LimitRate.Kind, now: Int) -> Int? {
        guard !amounts.isEmpty, amounts[Self.waits + kind.place] > 0 else { return nil }
        return max(1, amounts[Self.waits + kind.place] - (now - amounts[Self.toldAt]))
    }

    /// Milliseconds from `now` until what they used within the minute has passed at the latest; 0 where it is nothing.
    func minuteRest(_ kind: LimitRate.Kind, now: Int) -> Int {
        guard !amounts.isEmpty, amounts[kind.place * Self.windows + LimitRate.Window.minute.place] > 0 else { return 0 }
        let rest = amounts[Self.rests + kind.place]
        return max(0, amounts[Self.toldAt] + (rest > 0 ? rest : SlidingMinute.length) - now)
    }

    /// - Parameters:
    ///   - used: by others, of minute, day, month and total.
    ///   - rest: until all that was used of the minute has passed; 0 where that is not known.
    ///   - now: by the steady clock.
    mutating func tell(_ kind: LimitRate.Kind, used: [Int], held: Int, wait: Int, rest: Int = 0, now: Int, lasts: Int) {
        if amounts.isEmpty { amounts = [Int](repeating: 0, count: 30) }
        for (place, amount) in used.prefix(4).enumerated() { amounts[kind.place * Self.windows + place] = max(0, amount) }
        amounts[kind.place * Self.windows + LimitRate.Window.now.place] = max(0, held)
        amounts[Self.waits + kind.place] = max(0, wait)
        amounts[Self.rests + kind.place] = max(0, rest)
        amounts[Self.toldAt] = now
        amounts[Self.heldUntil] = now + lasts
    }

    /// What has passed since is not theirs any more.
    mutating func advance(to now: Int, isNewDay: Bool, isNewMonth: Bool) {
        guard !amounts.isEmpty else { return }
        for kind in 0..<4 {
            let first = kind * Self.windows
            if now - amounts[Self.toldAt] >= SlidingMinute.length { amounts[first] = 0 }
            if isNewDay { amounts[first + 1] = 0 }
            if isNewMonth { amounts[first + 2] = 0 }
            if now >= amounts[Self.heldUntil] { amounts[first + 4] = 0 }
        }
    }

    /// - Parameters:
    ///   - kind: only these; nil for all.
    ///   - window: only of this one; nil for all. What they hold at the moment stays theirs.
    mutating func clear(_ kind: LimitRate.Kind?, _ window: LimitRate.Window? = nil) {
        guard !amounts.isEmpty else { return }
        for each in LimitRate.Kind.allCases where kind == nil || kind == each {
            for place in window.map({ $0.place..<$0.place + 1 }) ?? 0..<4 where place < 4 {
                amounts[each.place * Self.windows + place] = 0
            }
        }
    }
}
