import Basics

/// What kind of value a piece of JSON is.
public enum JSONKind: UInt8, Sendable, Hashable {
    case string, number, `true`, `false`, null, object, array
}

/// One member of an object, as places in the bytes it was found in.
public struct JSONMember: Sendable, Hashable {
    /// What is between the key's quotes.
    public var key: Range<Int>
    /// The whole value, a string's quotes included.
    public var value: Range<Int>
    public var kind: JSONKind
    /// The key is written with escapes: its bytes are not its characters.
    public var isKeyEscaped: Bool
    /// The value is a string written with escapes.
    public var isValueEscaped: Bool

    /// Whether this member is called `text`, escapes understood.
    @inline(__always)
    public func key(equals text: StaticString, in bytes: UnsafeRawBufferPointer) -> Bool {
        if isKeyEscaped { return JSONText.decode(bytes.slice(key)) == "\(text)" }
        guard key.count == text.utf8CodeUnitCount, key.upperBound <= bytes.count, key.lowerBound >= 0 else { return false }
        guard let base = bytes.baseAddress else { return false }
        return ByteSearch.has(text, base, at: key.lowerBound, to: key.upperBound)
    }

    /// The key, escapes undone.
    public func keyString(in bytes: UnsafeRawBufferPointer) -> String {
        JSONText.decode(bytes.slice(key))
    }
}

/// One element of an array, as a place in the bytes it was found in.
public struct JSONElement: Sendable, Hashable {
    /// The whole value, a string's quotes included.
    public var value: Range<Int>
    public var kind: JSONKind
    /// The value is a string written with escapes.
    public var isEscaped: Bool
}

/// JSON read in place: one validating pass (RFC 8259, strictly) that builds nothing but a list of places.
public enum JSONScan {
    /// Containers inside one another; deeper documents are refused.
    public static let maxDepth = 512

    public enum Problem: Error, Sendable, Hashable {
        /// There is nothing but white space.
        case empty
        /// The document is valid JSON, and no object (or no array, where one was asked for).
        case notAContainer(JSONKind)
        case syntax(offset: Int, expected: Expectation)
        case tooDeep(offset: Int)
        case duplicateKey(offset: Int)
        /// More follows after the one value.
        case trailing(offset: Int)
        /// More values than a tree may have (`JSONValue` only).
        case tooMany

        public enum Expectation: Sendable, Hashable {
            case value, key, colon, commaOrEnd, stringEnd, escape, literal, digit
        }
    }

    public enum Duplicates: Sendable, Hashable { case refuse, allow }

    /// Lists the members of the object that `bytes` holds, and checks the whole document on the way.
    ///
    /// Exactly one value, no byte order mark, no trailing bytes. `members` is emptied first; after a problem it holds what was
    /// read before it. UTF-8 is not checked: the bytes go on as they are, and decoding repairs.
    /// - Returns: where the object is, its braces included.
    @discardableResult
    public static func members(
        of bytes: UnsafeRawBufferPointer, in range: Range<Int>? = nil, duplicates: Duplicates = .refuse,
        into members: inout [JSONMember]
    ) throws(Problem) -> Range<Int> {
        try outline(of: bytes, in: range, duplicates: duplicates, into: &members).object
    }

    /// What `members` tells, and whether any string of the document begins as one of our envelopes does.
    public static func outline(
        of bytes: UnsafeRawBufferPointer, in range: Range<Int>? = nil, duplicates: Duplicates = .refuse,
        into members: inout [JSONMember]
    ) throws(Problem) -> (object: Range<Int>, holdsEnvelopes: Bool) {
        members.removeAll(keepingCapacity: true)
        var cursor = JSONCursor(bytes, in: range)
        try cursor.open(.object)
        let start = cursor.containerStart
        while let member = try cursor.nextMember() { members.append(member) }
        let end = cursor.position
        try cursor.finish()
        if duplicates == .refuse { try refuseDuplicates(bytes, members) }
        return (start..<end, cursor.sawEnvelope)
    }

    /// Lists the elements of the array that `bytes` holds, as `members` does for an object.
    @discardableResult
    public static func elements(
        of bytes: UnsafeRawBufferPointer, in range: Range<Int>? = nil, into elements: inout [JSONElement]
    ) throws(Problem) -> Range<Int> {
        elements.removeAll(keepingCapacity: true)
        var cursor = JSONCursor(bytes, in: range)
        try cursor.open(.array)
        let start = cursor.containerStart
        while let element = try cursor.nextElement() { elements.append(element) }
        let end = cursor.position
        try cursor.finish()
        return start..<end
    }

    /// Checks that `bytes` is exactly one JSON value, and says which kind.
    public static func validate(_ bytes: UnsafeRawBufferPointer) throws(Problem) -> JSONKind {
        var cursor = JSONCursor(bytes)
        let kind = try cursor.skipDocument()
        return kind
    }

    /// The member of the object in `range` that is called `key`; the last one if it is there twice. Nil for anything but an object.
    public static func find(_ key: StaticString, of bytes: UnsafeRawBufferPointer, in range: Range<Int>? = nil) -> JSONMember? {
        var cursor = JSONCursor(bytes, in: range)
        var found: JSONMember?
        do throws(Problem) {
            try cursor.open(.object)
            while let member = try cursor.nextMember() {
                if member.key(equals: key, in: bytes) { found = member }
            }
        } catch { return found }
        return found
    }

    /// The text of a string value in `range`, quotes included; unpaired surrogates become U+FFFD.
    public static func string(of bytes: UnsafeRawBufferPointer, in range: Range<Int>) -> String? {
        guard range.count >= 2, range.lowerBound >= 0, range.upperBound <= bytes.count, bytes[range.lowerBound] == 0x22 else {
            return nil
        }
        return JSONText.decode(bytes.slice(range.lowerBound + 1..<range.upperBound - 1))
    }

    /// The integer in `range`. `12.0` is one, `1e3`, `1.5` and what does not fit in 64 bits are none.
    public static func integer(of bytes: UnsafeRawBufferPointer, in range: Range<Int>) -> Int? {
        guard range.lowerBound >= 0, range.upperBound <= bytes.count, !range.isEmpty else { return nil }
        var index = range.lowerBound
        let isNegative = bytes[index] == 0x2D
        if isNegative { index += 1 }
        var result = 0
        var digits = 0
        while index < range.upperBound {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { break }
            let (product, overflow) = result.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(digit))
            if overflow || carry { return nil }
            result = sum
            digits += 1
            index += 1
        }
        guard digits > 0 else { return nil }
        if index < range.upperBound {
            guard bytes[index] == 0x2E else { return nil }
            index += 1
            while index < range.upperBound {
                guard bytes[index] == 0x30 else { return nil }
                index += 1
            }
        }
        return isNegative ? 0 &- result : result
    }

    /// A key that is there twice means two readers may see two requests: such a document is refused.
    private static func refuseDuplicates(_ bytes: UnsafeRawBufferPointer, _ members: [JSONMember]) throws(Problem) {
        if members.count > 24 || members.contains(where: \.isKeyEscaped) {
            var seen = Set<[UInt8]>(minimumCapacity: members.count)
            for member in members {
                let raw = bytes.slice(member.key)
                let key = member.isKeyEscaped ? JSONText.bytes(raw) : Array(raw)
                if !seen.insert(key).inserted { throw .duplicateKey(offset: member.key.lowerBound) }
            }
            return
        }
        guard members.count > 1, let base = bytes.baseAddress else { return }
        for later in 1..<members.count {
            let key = members[later].key
            for earlier in 0..<later where members[earlier].key.count == key.count {
                if equal(base, members[earlier].key.lowerBound, key.lowerBound, key.count) {
                    throw .duplicateKey(offset: key.lowerBound)
                }
            }
        }
    }

    @inline(__always)
    static func equal(_ base: UnsafeRawPointer, _ first: Int, _ second: Int, _ count: Int) -> Bool {
        var offset = 0
        while offset < count {
            let left = base.load(fromByteOffset: first &+ offset, as: UInt8.self)
            if left != base.load(fromByteOffset: second &+ offset, as: UInt8.self) { return false }
            offset &+= 1
        }
        return true
    }
}

extension JSONScan.Problem: CustomStringConvertible {
    /// Prose for a client's 400; it never quotes the document.
    public var description: String {
        switch self {
        case .empty: "the body is empty"
        case .notAContainer(let kind): "the body is a JSON \(kind), not an object"
        case .syntax(let offset, let expected): "the body is not valid JSON: expected \(expected.words) at byte \(offset)"
        case .tooDeep(let offset): "the body is nested too deep at byte \(offset)"
        case .duplicateKey(let offset): "the body names a key twice, at byte \(offset)"
        case .trailing(let offset): "the body is not valid JSON: more follows after its end at byte \(offset)"
        case .tooMany: "the body holds too many values"
        }
    }
}

extension JSONScan.Problem.Expectation {
    var words: String {
        switch self {
        case .value: "a value"
        case .key: "a key"
        case .colon: "a colon"
        case .commaOrEnd: "a comma or the end of the container"
        case .stringEnd: "the end of the string"
        case .escape: "a valid escape"
        case .literal: "true, false or null"
        case .digit: "a digit"
        }
    }
}
