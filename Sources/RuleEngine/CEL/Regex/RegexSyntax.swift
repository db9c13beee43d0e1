/// Why a pattern is no regular expression, or none this engine takes.
struct RegexProblem: Error, Hashable {
    let message: String
}

/// A parsed pattern.
indirect enum RegexTree: Sendable {
    case empty
    case set(RegexSet)
    case assertion(RegexAssertion)
    case sequence([RegexTree])
    case alternatives([RegexTree])
    /// nil has no upper bound.
    case repeated(RegexTree, Int, Int?)
}

/// A condition on a place in a text, which takes no character.
enum RegexAssertion: Sendable, Hashable {
    case textStart, textEnd, lineStart, lineEnd, wordBoundary, noWordBoundary
}

/// A set of characters.
struct RegexSet: Sendable {
    /// Sorted when finished, without overlaps.
    private(set) var ranges: [ClosedRange<UInt32>] = []

    init(_ ranges: [ClosedRange<UInt32>] = []) {
        self.ranges = ranges
        normalize()
    }

    init(_ scalar: Unicode.Scalar) { ranges = [scalar.value...scalar.value] }

    static let digits = RegexSet([0x30...0x39])
    static let word = RegexSet([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let space = RegexSet([0x09...0x0A, 0x0C...0x0D, 0x20...0x20])
    static let any = RegexSet([0...0x10FFFF])
    static let anyButNewline = RegexSet([0x0A...0x0A]).inverted

    static let posix: [String: RegexSet] = [
        "alnum": RegexSet([0x30...0x39, 0x41...0x5A, 0x61...0x7A]), "alpha": RegexSet([0x41...0x5A, 0x61...0x7A]),
        "ascii": RegexSet([0...0x7F]), "blank": RegexSet([0x09...0x09, 0x20...0x20]),
        "cntrl": RegexSet([0...0x1F, 0x7F...0x7F]), "digit": .digits, "graph": RegexSet([0x21...0x7E]),
        "lower": RegexSet([0x61...0x7A]), "print": RegexSet([0x20...0x7E]),
        "punct": RegexSet([0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E]), "space": RegexSet([0x09...0x0D, 0x20...0x20]),
        "upper": RegexSet([0x41...0x5A]), "word": .word, "xdigit": RegexSet([0x30...0x39, 0x41...0x46, 0x61...0x66]),
    ]

    mutating func formUnion(_ other: RegexSet) {
        ranges += other.ranges
        normalize()
    }

    private mutating func normalize() {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, range.lowerBound <= last.upperBound || range.lowerBound - 1 == last.upperBound {
                merged[merged.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        ranges = merged
    }

    var inverted: RegexSet {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= 0x10FFFF { result.append(next...0x10FFFF) }
        return RegexSet(result)
    }

    /// The set with the other case of every letter: ASCII in full, beyond it single characters only.
    var ignoringCase: RegexSet {
        var result = self
        var more: [ClosedRange<UInt32>] = []
        for range in ranges {
            for (first, last, distance) in [(UInt32(0x41), UInt32(0x5A), 0x20), (0x61, 0x7A, -0x20)] {
                let (low, high) = (max(first, range.lowerBound), min(last, range.upperBound))
                if low <= high { more.append(UInt32(Int(low) + distance)...UInt32(Int(high) + distance)) }
            }
            guard range.count == 1, range.lowerBound > 0x7F, let scalar = Unicode.Scalar(range.lowerBound) else { continue }
            for mapping in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping] {
                let scalars = mapping.unicodeScalars
                if let single = scalars.first, scalars.count == 1 { more.append(single.value...single.value) }
            }
        }
        result.formUnion(RegexSet(more))
        return result
    }

    func contains(_ value: UInt32) -> Bool {
        if ranges.count <= 4 {
            for range in ranges where range.contains(value) { return true }
            return false
        }
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(value)
    }
}
