/// Cuts the replies of a server out of its bytes. Nothing that a server sends traps, and what is too much is refused.
public struct RESPParser: Sendable {
    public enum Violation: Error, Sendable, Hashable {
        case malformed
        /// More bytes, items or levels than a reply may have.
        case tooLarge
    }

    public struct Bounds: Sendable {
        /// Bytes of a line: a number, a word, an error.
        public var line = 64 << 10
        /// Bytes of one reply.
        public var bytes = 4 << 20
        /// Items of one reply, at all levels.
        public var items = 100_000
        public var depth = 8

        public init() {}
    }

    private let bounds: Bounds
    private var buffer: [UInt8] = []
    private var start = 0
    /// Bytes from `start` on that there must be before another look is worth it.
    private var needed = 1

    public init(_ bounds: Bounds = Bounds()) {
        self.bounds = bounds
    }

    public mutating func append(_ bytes: some Collection<UInt8>) {
        if start > 0, start == buffer.count || start >= 65_536 {
            buffer.removeSubrange(..<start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole reply; nil until more bytes come.
    public mutating func next() throws(Violation) -> RESPValue? {
        guard buffer.count - start >= needed else { return nil }
        var cursor = Cursor(bytes: buffer, index: start, start: start, itemsLeft: bounds.items, bounds: bounds)
        do throws(Cursor.Stop) {
            let value = try cursor.value(depth: 0)
            start = cursor.index
            needed = 1
            return value
        } catch {
            switch error {
            case .needs(let count):
                guard count <= bounds.bytes else { throw .tooLarge }
                needed = max(count, buffer.count - start + 1)
                guard needed <= bounds.bytes else { throw .tooLarge }
                return nil
            case .violation(let violation): throw violation
            }
        }
    }
}

/// One walk over a reply.
private struct Cursor {
    enum Stop: Error {
        /// Bytes from the reply's start on.
        case needs(Int)
        case violation(RESPParser.Violation)
    }

    let bytes: [UInt8]
    var index: Int
    let start: Int
    var itemsLeft: Int
    let bounds: RESPParser.Bounds

    mutating func value(depth: Int) throws(Stop) -> RESPValue {
        guard depth <= bounds.depth else { throw .violation(.tooLarge) }
        itemsLeft -= 1
        guard itemsLeft >= 0 else { throw .violation(.tooLarge) }
        guard index < bytes.count else { throw .needs(index - start + 1) }
        let kind = bytes[index]
        index += 1
        switch kind {
        case UInt8(ascii: "+"): return .bytes(Array(try line()))
        case UInt8(ascii: "-"): return .error(String(decoding: try line(), as: UTF8.self))
        case UInt8(ascii: ":"): return .integer(try integer())
        case UInt8(ascii: "_"):
            guard try line().isEmpty else { throw .violation(.malformed) }
            return .null
        case UInt8(ascii: "#"): return .boolean(try boolean())
        case UInt8(ascii: ","): return .double(try double())
        case UInt8(ascii: "("): return .bigNumber(Array(try line()))
        case UInt8(ascii: "$"): return try blob().map { .bytes(Array($0)) } ?? .null
        case UInt8(ascii: "!"): return try blob().map { .error(String(decoding: $0, as: UTF8.self)) } ?? .null
        case UInt8(ascii: "="): return try verbatim()
        case UInt8(ascii: "*"): return try items(depth).map { .array($0) } ?? .null
        case UInt8(ascii: "~"): return .set(try items(depth) ?? [])
        case UInt8(ascii: ">"): return .push(try items(depth) ?? [])
        case UInt8(ascii: "%"): return .map(try pairs(depth))
        case UInt8(ascii: "|"):
            // Attributes say something about the reply that follows; nobody asked for them.
            _ = try pairs(depth)
            return try value(depth: depth + 1)
        default: throw .violation(.malformed)
        }
    }

    /// Up to the end of the line, without it.
    private mutating func line() throws(Stop) -> ArraySlice<UInt8> {
        guard let end = bytes[index...].prefix(bounds.line + 1).firstIndex(of: 0x0D) else {
            guard bytes.count - index <= bounds.line else { throw .violation(.tooLarge) }
            throw .needs(bytes.count - start + 1)
        }
        guard end + 1 < bytes.count else { throw .needs(end + 2 - start) }
        guard bytes[end + 1] == 0x0A else { throw .violation(.malformed) }
        defer { index = end + 2 }
        return bytes[index..<end]
    }

    private mutating func integer() throws(Stop) -> Int {
        guard let number = Int(String(decoding: try line(), as: UTF8.self)) else { throw .violation(.malformed) }
        return number
    }

    /// A length; nil for the second version's null.
    private mutating func length() throws(Stop) -> Int? {
        let number = try integer()
        if number == -1 { return nil }
        guard number >= 0 else { throw .violation(.malformed) }
        return number
    }

    private mutating func boolean() throws(Stop) -> Bool {
        switch Array(try line()) {
        case [UInt8(ascii: "t")]: true
        case [UInt8(ascii: "f")]: false
        default: throw .violation(.malformed)
        }
    }

    private mutating func double() throws(Stop) -> Double {
        guard let number = Double(String(decoding: try line(), as: UTF8.self)) else { throw .violation(.malformed) }
        return number
    }

    private mutating func blob() throws(Stop) -> ArraySlice<UInt8>? {
        guard let count = try length() else { return nil }
        guard count <= bounds.bytes else { throw .violation(.tooLarge) }
        let end = index + count
        guard end + 2 <= bytes.count else { throw .needs(end + 2 - start) }
        guard bytes[end] == 0x0D, bytes[end + 1] == 0x0A else { throw .violation(.malformed) }
        defer { index = end + 2 }
        return bytes[index..<end]
    }

    private mutating func verbatim() throws(Stop) -> RESPValue {
        guard let text = try blob() else { return .null }
        // `txt:` stands before it.
        guard text.count >= 4 else { throw .violation(.malformed) }
        return .bytes(Array(text.dropFirst(4)))
    }

    private mutating func items(_ depth: Int) throws(Stop) -> [RESPValue]? {
        guard let count = try length() else { return nil }
        guard count <= itemsLeft else { throw .violation(.tooLarge) }
        var items: [RESPValue] = []
        for _ in 0..<count { items.append(try value(depth: depth + 1)) }
        return items
    }

    private mutating func pairs(_ depth: Int) throws(Stop) -> [(key: RESPValue, value: RESPValue)] {
        guard let count = try length() else { return [] }
        guard count <= itemsLeft / 2 else { throw .violation(.tooLarge) }
        var entries: [(key: RESPValue, value: RESPValue)] = []
        for _ in 0..<count {
            let key = try value(depth: depth + 1)
            entries.append((key, try value(depth: depth + 1)))
        }
        return entries
    }
}

/// A command as a server reads it: an array of bulks.
enum RESPCommand {
    static func encode(_ words: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(words.reduce(16) { $0 + $1.count + 16 })
        bytes.append(UInt8(ascii: "*"))
        bytes.append(contentsOf: "\(words.count)\r\n".utf8)
        for word in words {
            bytes.append(UInt8(ascii: "$"))
            bytes.append(contentsOf: "\(word.count)\r\n".utf8)
            bytes.append(contentsOf: word)
            bytes.append(contentsOf: [0x0D, 0x0A])
        }
        return bytes
    }
}
