/// A moment by two clocks. Days and months begin, and blocks end, by the one on the wall; minutes slide by the one that nobody sets.
public struct LimitTime: Sendable, Hashable {
    /// Milliseconds since 1970.
    public var wall: Int
    /// Milliseconds of a clock that counts from an arbitrary beginning and never goes back.
    public var steady: Int

    public init(wall: Int, steady: Int) {
        (self.wall, self.steady) = (wall, steady)
    }

    static var now: LimitTime { LimitTime(wall: LoopContext.wallClock(), steady: SteadyClock.milliseconds) }

    /// What the steady clock showed when the wall clock showed `instant`, which has passed.
    func steady(atWall instant: Int) -> Int { steady - max(0, wall - instant) }
}
