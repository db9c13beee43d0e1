/// The name that was probably meant.
public enum Suggestion {
    /// ` (did you mean 'x'?)`, or nothing.
    public static func text(for word: String, among names: some Sequence<String>) -> String {
        nearest(to: word, among: names).map { " (did you mean '\($0)'?)" } ?? ""
    }

    /// The nearest name that differs by at most a third of its letters.
    public static func nearest(to word: String, among names: some Sequence<String>) -> String? {
        guard word.utf8.count <= 64 else { return nil }
        var best: (name: String, distance: Int)?
        for name in names where name.utf8.count <= 64 {
            let distance = distance(Array(word.lowercased().utf8), Array(name.lowercased().utf8))
            guard distance <= max(1, max(name.utf8.count, word.utf8.count) / 3), distance < best?.distance ?? .max else {
                continue
            }
            best = (name, distance)
        }
        return best?.name
    }

    /// Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var older = [Int](repeating: 0, count: right.count + 1)
        var old = Array(0...right.count)
        for row in left.indices {
            var new = [row + 1]
            for column in right.indices {
                let substitution = old[column] + (left[row] == right[column] ? 0 : 1)
                var cost = min(substitution, old[column + 1] + 1, new[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    cost = min(cost, older[column - 1] + 1)
                }
                new.append(cost)
            }
            (older, old) = (old, new)
        }
        return old[right.count]
    }
}
