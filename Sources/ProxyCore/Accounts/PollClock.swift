/// The clocks that polls go by.
public struct PollClock: Sendable {
    /// What intervals are measured by.
    public var now: @Sendable () -> ContinuousClock.Instant
    /// Returns at that instant, or at once when the task is cancelled.
    public var sleep: @Sendable (ContinuousClock.Instant) async -> Void
    /// Milliseconds of `SteadyClock`: how long a reading is believed.
    public var steady: @Sendable () -> Int
    /// Milliseconds since 1970: when a reading was taken.
    public var wall: @Sendable () -> Int

    public init(
        now: @escaping @Sendable () -> ContinuousClock.Instant,
        sleep: @escaping @Sendable (ContinuousClock.Instant) async -> Void,
        steady: @escaping @Sendable () -> Int, wall: @escaping @Sendable () -> Int
    ) {
        self.now = now
        self.sleep = sleep
        self.steady = steady
        self.wall = wall
    }

    /// The machine's own.
    public static let system = PollClock(
        now: { ContinuousClock().now }, sleep: { try? await ContinuousClock().sleep(until: $0) },
        steady: { SteadyClock.milliseconds }, wall: { LoopContext.wallClock() })
}
