#if canImport(Glibc)
import Glibc
#endif

/// The clock that rests are measured by: it goes neither back nor ahead when somebody sets the time of day.
public enum SteadyClock {
    /// The time as of the kernel's last tick; it counts from an arbitrary beginning.
    public static var milliseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}
