/// Says when the allocator is to give back what it keeps free: after a burst of long responses that may be some 100 MB.
///
/// Whoever allocates waits for as long as it looks through it, up to a millisecond for every 2 MB: so only while nobody asks.
public struct IdleMemory {
    /// Less than this is not worth it.
    static let least = 16 << 20

    /// The least that was resident, or what was left the last time.
    private var floor = Int.max
    private var counted: Int?

    public init() {}

    /// Looks, once a second. Whether the allocator is to give back now: no request is in flight, and none has ended for a second.
    /// - Parameters:
    ///   - resident: bytes.
    ///   - active: requests in flight.
    ///   - ended: how many have ended; asked for only where it matters.
    public mutating func isDue(resident: Int, active: Int, ended: @autoclosure () -> Int) -> Bool {
        floor = min(floor, resident)
        guard active == 0, resident - floor >= Self.least else {
            counted = nil
            return false
        }
        let last = counted
        counted = ended()
        return counted == last
    }

    /// It has, and so much is left.
    public mutating func gaveBack(resident: Int) {
        floor = resident
        counted = nil
    }
}
