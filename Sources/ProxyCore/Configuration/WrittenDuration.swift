/// Durations as people write them outside of the file: `24h`, `90m`, `7d`.
public enum WrittenDuration {
    /// Whole seconds; parts of one count as one. nil for what is no duration with its unit.
    public static func seconds(_ text: String) -> Int? {
        guard let nanoseconds = try? Quantity.withUnit(text, units: Quantity.durations) else { return nil }
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return rest > 0 ? seconds + 1 : seconds
    }
}
