import Basics

/// A pattern over model names: `*` takes any run of characters, everything else itself.
///
/// Compared by UTF-8 bytes, upper and lower case differ. Matching is linear in pattern and name, whatever both hold.
public struct Glob: Sendable, Hashable {
    public let text: String
    private let shape: Shape

    private enum Shape: Sendable {
        case exact
        case any
        /// One star at the end, after so many bytes.
        case prefix(Int)
        case general(Pieces)
    }

    /// What is before the first star, between the stars and after the last.
    fileprivate struct Pieces: Sendable {
        let head: [UInt8]
        let middle: [TextNeedle]
        let tail: [UInt8]
    }

    public init(_ text: String) {
        self.text = text
        let bytes = Array(text.utf8)
        guard let first = bytes.firstIndex(of: star), let last = bytes.lastIndex(of: star) else {
            shape = .exact
            return
        }
        if bytes.allSatisfy({ $0 == star }) {
            shape = .any
        } else if first == bytes.count - 1 {
            shape = .prefix(first)
        } else {
            let middle = bytes[first...last].split(separator: star).map { TextNeedle(Array($0)) }
            shape = .general(Pieces(head: Array(bytes[..<first]), middle: middle, tail: Array(bytes[(last + 1)...])))
        }
    }

    public static func == (left: Glob, right: Glob) -> Bool { left.text == right.text }

    public func hash(into hasher: inout Hasher) { hasher.combine(text) }

    /// nil when `name` does not fit. The first star takes as little as the pieces after it allow.
    public func match(_ name: String) -> GlobMatch? {
        switch shape {
        case .any:
            return GlobMatch(name: name, taken: 0..<name.utf8.count)
        case .exact:
            return matches(name) ? GlobMatch(name: name, taken: nil) : nil
        case .prefix(let count):
            return matches(name) ? GlobMatch(name: name, taken: count..<name.utf8.count) : nil
        case .general(let pieces):
            guard let taken = withBytes(of: name, { pieces.match($0) }) else { return nil }
            return GlobMatch(name: name, taken: taken)
        }
    }

    /// Whether `name` fits, where nobody asks what the star takes.
    public func matches(_ name: String) -> Bool {
        switch shape {
        case .any: true
        case .exact: sameBytes(text, name)
        case .prefix(let count):
            withBytes(of: text) { pattern in withBytes(of: name) { $0.count >= count && samePrefix(pattern, $0, count) } }
        case .general(let pieces): withBytes(of: name) { pieces.match($0) != nil }
        }
    }

    /// Whether every name `other` matches is matched by this glob too.
    ///
    /// Exact: a byte that no name can hold stands for each star of `other`, and only a star here can take it.
    public func covers(_ other: Glob) -> Bool {
        let probe = other.text.utf8.map { $0 == star ? UInt8(0xFF) : $0 }
        return probe.withUnsafeBufferPointer { probe in
            switch shape {
            case .any: return true
            case .exact: return withBytes(of: text) { $0.elementsEqual(probe) }
            case .prefix(let count):
                return probe.count >= count && withBytes(of: text) { samePrefix($0, probe, count) }
            case .general(let pieces): return pieces.match(probe) != nil
            }
        }
    }
}

/// A name that fitted a glob.
public struct GlobMatch: Sendable {
    fileprivate let name: String
    /// UTF-8 offsets of what the first star took.
    let taken: Range<Int>?

    /// What the first star of the glob took; nil when it has none.
    public var text: String? {
        guard let taken else { return nil }
        if taken.count == name.utf8.count { return name }
        return withBytes(of: name) { String(decoding: $0[taken], as: UTF8.self) }
    }

    /// A match without a glob: a rule that names no models.
    static func whole(_ name: String) -> GlobMatch { GlobMatch(name: name, taken: nil) }
}

extension Glob.Pieces {
    /// Offsets of what the first star takes, nil when the name does not fit.
    func match(_ name: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        guard name.count >= head.count + tail.count, name.starts(with: head) else { return nil }
        let end = name.count - tail.count
        guard name[end...].elementsEqual(tail) else { return nil }
        var position = head.count
        var firstEnd: Int?
        for needle in middle {
            guard let found = needle.find(in: name, from: position, to: end) else { return nil }
            if firstEnd == nil { firstEnd = found }
            position = found + needle.bytes.count
        }
        return head.count..<(firstEnd ?? end)
    }
}

private let star = UInt8(ascii: "*")

/// The UTF-8 bytes of a string, in place wherever it holds them so.
@inline(__always)
func withBytes<R>(of string: String, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    if let result = string.utf8.withContiguousStorageIfAvailable(body) { return result }
    var copy = string
    return copy.withUTF8(body)
}

func sameBytes(_ left: String, _ right: String) -> Bool {
    left.utf8.count == right.utf8.count && left.utf8.elementsEqual(right.utf8)
}

/// Both hold at least `count` bytes.
private func samePrefix(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>, _ count: Int) -> Bool {
    guard let left = left.baseAddress, let right = right.baseAddress else { return count == 0 }
    return ByteSearch.same(left, right, count)
}
