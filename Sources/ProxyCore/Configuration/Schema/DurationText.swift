/// Durations as the file writes them, for others who read some.
public enum DurationText {
    /// `500ms`, `30s`, `5m`, `1h`, `7d`, in milliseconds; nil for what is none.
    public static func milliseconds(_ text: String) -> Int? {
        (try? Quantity.withUnit(text, units: Quantity.durations)).map { $0 / 1_000_000 }
    }
}
