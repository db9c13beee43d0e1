/// All globs of a list of rules, laid out flat: finding the next rule for a model touches no reference count.
struct ModelMatcher: Sendable {
    /// Heads and tails of the globs, one after another.
    private var bytes: [UInt8] = []
    private var entries: [Entry] = []
    /// Where the entries of each rule begin; one more for the end.
    private var starts: [Int] = []
    /// Globs with more than one star, which keep their own way of matching.
    private var others: [Glob] = []

    private struct Entry: Sendable {
        let kind: Kind
        let rule: Int
        /// Into `bytes`; of a glob in `others` its place.
        let offset: Int
        let head: Int
        let tail: Int
    }

    private enum Kind: UInt8, Sendable {
        case everything, exact, oneStar, other
    }

    struct Match {
        let rule: Int
        /// UTF-8 offsets of what the first star took.
        let taken: Range<Int>?
    }

    init(_ rules: [Rule]) {
        for (index, rule) in rules.enumerated() {
            starts.append(entries.count)
            if rule.models.isEmpty { entries.append(Entry(kind: .everything, rule: index, offset: 0, head: 0, tail: 0)) }
            for glob in rule.models { append(glob, index) }
        }
        starts.append(entries.count)
    }

    private mutating func append(_ glob: Glob, _ rule: Int) {
        let text = Array(glob.text.utf8)
        let parts = text.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
        switch parts.count {
        case 1: entries.append(Entry(kind: .exact, rule: rule, offset: bytes.count, head: text.count, tail: 0))
        case 2:
            let entry = Entry(kind: .oneStar, rule: rule, offset: bytes.count, head: parts[0].count, tail: parts[1].count)
            entries.append(entry)
        default:
            entries.append(Entry(kind: .other, rule: rule, offset: others.count, head: 0, tail: 0))
            others.append(glob)
            return
        }
        for part in parts { bytes.append(contentsOf: part) }
    }

    /// The first rule from `first` on that one of its globs fits `name`; both forms of the name are the same text.
    func next(from first: Int, _ name: String, _ utf8: UnsafeBufferPointer<UInt8>) -> Match? {
        guard starts.indices.contains(first) else { return nil }
        return bytes.withUnsafeBufferPointer { bytes in
            entries.withUnsafeBufferPointer { entries in
                for index in starts[first]..<entries.count {
                    let entry = entries[index]
                    switch entry.kind {
                    case .everything:
                        return Match(rule: entry.rule, taken: nil)
                    case .exact:
                        guard utf8.count == entry.head, isSame(bytes, entry.offset, utf8, 0, entry.head) else { continue }
                        return Match(rule: entry.rule, taken: nil)
                    case .oneStar:
                        let end = utf8.count - entry.tail
                        guard end >= entry.head, isSame(bytes, entry.offset, utf8, 0, entry.head),
                            isSame(bytes, entry.offset + entry.head, utf8, end, entry.tail)
                        else { continue }
                        return Match(rule: entry.rule, taken: entry.head..<end)
                    case .other:
                        guard let match = others[entry.offset].match(name) else { continue }
                        return Match(rule: entry.rule, taken: match.taken)
                    }
                }
                return nil
            }
        }
    }

    /// Callers have compared the lengths.
    @inline(__always)
    private func isSame(
        _ pattern: UnsafeBufferPointer<UInt8>, _ offset: Int, _ name: UnsafeBufferPointer<UInt8>, _ start: Int, _ count: Int
    ) -> Bool {
        for index in 0..<count where pattern[offset + index] != name[start + index] { return false }
        return true
    }
}
