/// A moment by two clocks. Days and months begin, and blocks end, by the one on the wall; minutes slide by the one that nobody sets.
public struct LimitTime: Sendable, Hashable {
    /// Milliseconds since 1970.
    public var wall: Int
    /// Milliseconds of a clock that counts from an arbitrary beginning and never goes back.
    public var steady: Int

    public init(wall: Int, steady: Int) {
        (self.wall, self.steady) = (wall, steady)
    }

    public static var now: LimitTime { LimitTime(wall: LoopContext.wallClock(), steady: SteadyClock.milliseconds) }

    /// What both showed at `instant` of the wall clock, which has passed: one that it has not reached was stamped when it was ahead.
    func back(to instant: Int) -> LimitTime {
        let elapsed = max(0, wall - instant)
        return LimitTime(wall: wall - elapsed, steady: steady - elapsed)
    }
}
