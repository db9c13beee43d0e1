import Basics

extension JSONValue {
    /// What a document may cost. Exceeding any is a problem, never a trap.
    public struct Limits: Sendable, Hashable {
        /// Containers inside one another.
        public var depth: Int
        /// Values in all, containers included.
        public var count: Int
        public var duplicates: JSONScan.Duplicates

        public init(depth: Int = 256, count: Int = 4_000_000, duplicates: JSONScan.Duplicates = .allow) {
            self.depth = depth
            self.count = count
            self.duplicates = duplicates
        }
    }

    /// Parses exactly one value (RFC 8259, strictly). No recursion; broken UTF-8 in strings becomes U+FFFD.
    public init(parsing bytes: UnsafeRawBufferPointer, limits: Limits = Limits()) throws(JSONScan.Problem) {
        var parser = JSONTreeParser(bytes, limits: limits)
        self = try parser.parse()
    }

    public init(parsing bytes: [UInt8], limits: Limits = Limits()) throws(JSONScan.Problem) {
        let result = bytes.withUnsafeBytes { buffer -> Result<JSONValue, JSONScan.Problem> in
            do throws(JSONScan.Problem) {
                return .success(try JSONValue(parsing: buffer, limits: limits))
            } catch { return .failure(error) }
        }
        self = try result.get()
    }

    public init(parsing text: String, limits: Limits = Limits()) throws(JSONScan.Problem) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }
}

/// Builds a tree with a stack of its own, so that depth costs memory and never the thread's stack.
private struct JSONTreeParser {
    private struct Frame {
        var isObject: Bool
        var key = ""
        var elements: [JSONValue] = []
        var members: [JSONObject.Member] = []
        var seen: Set<String> = []
    }

    private let bytes: UnsafeRawBufferPointer
    private let limits: JSONValue.Limits
    private var cursor: JSONCursor
    private var frames: [Frame] = []
    private var count = 0

    init(_ bytes: UnsafeRawBufferPointer, limits: JSONValue.Limits) {
        self.bytes = bytes
        self.limits = limits
        cursor = JSONCursor(bytes)
    }

    mutating func parse() throws(JSONScan.Problem) -> JSONValue {
        cursor.skipSpace()
        guard cursor.position < cursor.end else { throw .empty }
        while true {
            guard var value = try beginValue() else {
                // A container was entered; its first item is next, or its end.
                if let closed = try enterItem(isFirst: true) {
                    if let done = try add(closed) { return done }
                }
                continue
            }
            while true {
                guard !frames.isEmpty else {
                    try cursor.finish()
                    return value
                }
                append(value)
                guard let closed = try enterItem(isFirst: false) else { break }
                value = closed
            }
        }
    }

    /// A container that closed right after it opened is a value of its parent: adds it up the stack.
    private mutating func add(_ first: JSONValue) throws(JSONScan.Problem) -> JSONValue? {
        var value = first
        while true {
            guard !frames.isEmpty else {
                try cursor.finish()
                return value
            }
            append(value)
            guard let closed = try enterItem(isFirst: false) else { return nil }
            value = closed
        }
    }

    /// A scalar; nil when a container was entered instead.
    private mutating func beginValue() throws(JSONScan.Problem) -> JSONValue? {
        guard cursor.position < cursor.end else { throw .syntax(offset: cursor.position, expected: .value) }
        count += 1
        guard count <= limits.count else { throw .tooMany }
        let start = cursor.position
        switch bytes[start] {
        case 0x22:
            let isEscaped = try cursor.skipString()
            let raw = bytes.slice(start + 1..<cursor.position - 1)
            guard isEscaped else { return .string(String(decoding: raw, as: UTF8.self)) }
            if JSONText.hasUnpairedSurrogate(raw) { return .unpaired(Array(raw)) }
            return .string(JSONText.decode(raw))
        case 0x7B, 0x5B:
            guard frames.count < limits.depth else { throw .tooDeep(offset: start) }
            frames.append(Frame(isObject: bytes[start] == 0x7B))
            cursor.position = start + 1
            return nil
        default:
            switch try cursor.skipScalar() {
            case .true: return .bool(true)
            case .false: return .bool(false)
            case .null: return .null
            case .number, .string, .object, .array:
                return .number(String(decoding: bytes.slice(start..<cursor.position), as: UTF8.self))
            }
        }
    }

    /// Goes to the first byte of the innermost container's next value (its key read); gives the container itself if it ends here.
    private mutating func enterItem(isFirst: Bool) throws(JSONScan.Problem) -> JSONValue? {
        let top = frames.count - 1
        let isObject = frames[top].isObject
        cursor.skipSpace()
        guard cursor.position < cursor.end else { throw .syntax(offset: cursor.position, expected: .commaOrEnd) }
        let byte = bytes[cursor.position]
        if byte == (isObject ? 0x7D : 0x5D) {
            cursor.position += 1
            let frame = frames.removeLast()
            return isObject ? .object(JSONObject(frame.members)) : .array(frame.elements)
        }
        if !isFirst {
            guard byte == 0x2C else { throw .syntax(offset: cursor.position, expected: .commaOrEnd) }
            cursor.position += 1
            cursor.skipSpace()
        }
        if isObject { try readKey(into: top) }
        return nil
    }

    private mutating func readKey(into top: Int) throws(JSONScan.Problem) {
        let start = cursor.position
        guard start < cursor.end, bytes[start] == 0x22 else { throw .syntax(offset: start, expected: .key) }
        _ = try cursor.skipString()
        let key = JSONText.decode(bytes.slice(start + 1..<cursor.position - 1))
        if limits.duplicates == .refuse, !isNew(key, in: top) { throw .duplicateKey(offset: start + 1) }
        frames[top].key = key
        cursor.skipSpace()
        guard cursor.position < cursor.end, bytes[cursor.position] == 0x3A else {
            throw .syntax(offset: cursor.position, expected: .colon)
        }
        cursor.position += 1
        cursor.skipSpace()
    }

    /// Whether the object has no such key yet: a look for small ones, a set from the seventeenth member on.
    private mutating func isNew(_ key: String, in top: Int) -> Bool {
        if frames[top].members.count < 16 { return !frames[top].members.contains { $0.key == key } }
        if frames[top].seen.isEmpty { frames[top].seen = Set(frames[top].members.map(\.key)) }
        return frames[top].seen.insert(key).inserted
    }

    private mutating func append(_ value: JSONValue) {
        let top = frames.count - 1
        if frames[top].isObject {
            frames[top].members.append(JSONObject.Member(key: frames[top].key, value: value))
        } else {
            frames[top].elements.append(value)
        }
    }
}
