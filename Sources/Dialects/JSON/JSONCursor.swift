import Basics

/// Walks one object or array member by member, and checks what it passes over. Builds nothing, calls nothing twice.
struct JSONCursor {
    typealias Problem = JSONScan.Problem

    private let bytes: UnsafeRawBufferPointer
    let end: Int
    /// The next byte to look at.
    var position: Int
    /// Where the opened container's bracket is.
    private(set) var containerStart = 0
    private var isFirst = true
    /// A string was passed over that begins as one of our envelopes does (`SignatureEnvelope`).
    private(set) var sawEnvelope = false

    /// A cursor over `range` of `bytes` (all of them when nil); a range that does not lie inside is cut.
    init(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>? = nil) {
        self.bytes = bytes
        let upper = Swift.min(range?.upperBound ?? bytes.count, bytes.count)
        end = Swift.max(upper, 0)
        position = Swift.min(Swift.max(range?.lowerBound ?? 0, 0), end)
    }

    /// Enters the container that is here. A valid value of another kind is `notAContainer`.
    mutating func open(_ kind: JSONKind) throws(Problem) {
        skipSpace()
        guard position < end else { throw .empty }
        let wanted: UInt8 = kind == .object ? 0x7B : 0x5B
        guard bytes[position] == wanted else {
            let other = try skipDocument()
            throw .notAContainer(other)
        }
        containerStart = position
        position &+= 1
        isFirst = true
    }

    /// Whether `byte` is the first that is here, after white space.
    mutating func isAt(_ byte: UInt8) -> Bool {
        skipSpace()
        return position < end && bytes[position] == byte
    }

    /// The next member of the opened object; nil at its end, the closing brace consumed.
    mutating func nextMember() throws(Problem) -> JSONMember? {
        guard let (key, isKeyEscaped) = try nextKey() else { return nil }
        let start = position
        let (kind, isEscaped) = try skipValue()
        return JSONMember(
            key: key, value: start..<position, kind: kind, isKeyEscaped: isKeyEscaped, isValueEscaped: isEscaped)
    }

    /// The next member's key, and to its value, which is then the caller's to pass over; nil at the object's end, the closing brace
    /// consumed.
    @inline(__always)
    mutating func nextKey() throws(Problem) -> (key: Range<Int>, isEscaped: Bool)? {
        guard try advance(closing: 0x7D) else { return nil }
        guard position < end, bytes[position] == 0x22 else { throw .syntax(offset: position, expected: .key) }
        let keyStart = position &+ 1
        let isEscaped = try skipString()
        let key = keyStart..<(position &- 1)
        skipSpace()
        guard position < end, bytes[position] == 0x3A else { throw .syntax(offset: position, expected: .colon) }
        position &+= 1
        skipSpace()
        return (key, isEscaped)
    }

    /// Whether an object begins here.
    var isAtObject: Bool { position < end && bytes[position] == 0x7B }

    /// Back in the container around the one that was opened inside it, and is at its end.
    mutating func leave() { isFirst = false }

    /// The next element of the opened array; nil at its end, the closing bracket consumed.
    mutating func nextElement() throws(Problem) -> JSONElement? {
        guard try advance(closing: 0x5D) else { return nil }
        let start = position
        let (kind, isEscaped) = try skipValue()
        return JSONElement(value: start..<position, kind: kind, isEscaped: isEscaped)
    }

    /// Goes to the next element of the opened array, whose value is then the caller's to pass over; false at its end, the closing
    /// bracket consumed.
    mutating func reachElement() throws(Problem) -> Bool { try advance(closing: 0x5D) }

    /// Checks that nothing but white space follows.
    mutating func finish() throws(Problem) {
        skipSpace()
        guard position == end else { throw .trailing(offset: position) }
    }

    /// Passes over one whole document.
    mutating func skipDocument() throws(Problem) -> JSONKind {
        skipSpace()
        guard position < end else { throw .empty }
        let (kind, _) = try skipValue()
        try finish()
        return kind
    }

    /// Goes to the next item of the container: false when it closes here.
    @inline(__always)
    private mutating func advance(closing: UInt8) throws(Problem) -> Bool {
        skipSpace()
        guard position < end else { throw .syntax(offset: position, expected: .commaOrEnd) }
        let byte = bytes[position]
        if byte == closing {
            position &+= 1
            return false
        }
        if isFirst {
            isFirst = false
            return true
        }
        guard byte == 0x2C else { throw .syntax(offset: position, expected: .commaOrEnd) }
        position &+= 1
        skipSpace()
        return true
    }

    @inline(__always)
    mutating func skipSpace() {
        guard let base = bytes.baseAddress else { return }
        while position < end {
            let byte = base.load(fromByteOffset: position, as: UInt8.self)
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position &+= 1
        }
    }

    /// Passes over one value of any kind; says which, and whether it is a string with escapes.
    @inline(__always)
    mutating func skipValue() throws(Problem) -> (JSONKind, Bool) {
        guard position < end else { throw .syntax(offset: position, expected: .value) }
        switch bytes[position] {
        case 0x22: return (.string, try skipString())
        case 0x7B:
            try skipContainer()
            return (.object, false)
        case 0x5B:
            try skipContainer()
            return (.array, false)
        default: return (try skipScalar(), false)
        }
    }

    /// Passes over a number or a literal.
    mutating func skipScalar() throws(Problem) -> JSONKind {
        guard position < end, let base = bytes.baseAddress else { throw .syntax(offset: position, expected: .value) }
        switch bytes[position] {
        case 0x74 where ByteSearch.has("true", base, at: position, to: end):
            position &+= 4
            return .true
        case 0x66 where ByteSearch.has("false", base, at: position, to: end):
            position &+= 5
            return .false
        case 0x6E where ByteSearch.has("null", base, at: position, to: end):
            position &+= 4
            return .null
        case 0x74, 0x66, 0x6E: throw .syntax(offset: position, expected: .literal)
        case 0x2D, 0x30...0x39:
            try skipNumber()
            return .number
        default: throw .syntax(offset: position, expected: .value)
        }
    }

    private mutating func skipNumber() throws(Problem) {
        if bytes[position] == 0x2D { position &+= 1 }
        guard position < end else { throw .syntax(offset: position, expected: .digit) }
        if bytes[position] == 0x30 { position &+= 1 } else { try skipDigits() }
        if position < end, bytes[position] == 0x2E {
            position &+= 1
            try skipDigits()
        }
        if position < end, bytes[position] | 0x20 == 0x65 {
            position &+= 1
            if position < end, bytes[position] == 0x2B || bytes[position] == 0x2D { position &+= 1 }
            try skipDigits()
        }
    }

    @inline(__always)
    private mutating func skipDigits() throws(Problem) {
        let start = position
        while position < end, bytes[position] &- 0x30 < 10 { position &+= 1 }
        if position == start { throw .syntax(offset: position, expected: .digit) }
    }

    /// Passes over the string whose opening quote is here; says whether it has escapes.
    @inline(__always)
    mutating func skipString() throws(Problem) -> Bool {
        guard let base = bytes.baseAddress else { throw .syntax(offset: position, expected: .stringEnd) }
        var index = position &+ 1
        var isEscaped = false
        if end &- index > 4, base.loadUnaligned(fromByteOffset: index, as: UInt32.self) == SignatureEnvelope.markWord {
            sawEnvelope = true
        }
        while true {
            index = ByteSearch.plainEnd(base, from: index, to: end)
            guard index < end else { throw .syntax(offset: index, expected: .stringEnd) }
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            if byte == 0x22 {
                position = index &+ 1
                return isEscaped
            }
            guard byte == 0x5C else { throw .syntax(offset: index, expected: .stringEnd) }
            isEscaped = true
            index = try skipEscape(index)
        }
    }

    /// Past the escape whose backslash is at `index`.
    @inline(__always)
    private func skipEscape(_ index: Int) throws(Problem) -> Int {
        guard index &+ 1 < end else { throw .syntax(offset: index, expected: .escape) }
        switch bytes[index &+ 1] {
        case 0x22, 0x5C, 0x2F, 0x62, 0x66, 0x6E, 0x72, 0x74: return index &+ 2
        case 0x75:
            guard index &+ 5 < end else { throw .syntax(offset: index, expected: .escape) }
            var digit = index &+ 2
            while digit < index &+ 6 {
                guard Hex.value(bytes[digit]) != nil else { throw .syntax(offset: index, expected: .escape) }
                digit &+= 1
            }
            return index &+ 6
        default: throw .syntax(offset: index, expected: .escape)
        }
    }

    /// Passes over the object or array that is here. A bit per open container says which kind it is; no recursion.
    private mutating func skipContainer() throws(Problem) {
        var kinds = InlineArray<8, UInt64>(repeating: 0)
        var depth = 0
        var isObject = false
        while true {
            // At the first byte of a value.
            guard position < end else { throw .syntax(offset: position, expected: .value) }
            let byte = bytes[position]
            var isOpening = false
            switch byte {
            case 0x7B, 0x5B:
                guard depth < JSONScan.maxDepth - 1 else { throw .tooDeep(offset: position) }
                isObject = byte == 0x7B
                let bit = UInt64(1) &<< UInt64(depth & 63)
                let word = (depth &>> 6) & 7
                kinds[word] = isObject ? kinds[word] | bit : kinds[word] & ~bit
                depth &+= 1
                position &+= 1
                isOpening = true
            case 0x22: _ = try skipString()
            default: _ = try skipScalar()
            }
            // After a value, or just inside a container: closing brackets, then a comma or the first item.
            while true {
                skipSpace()
                guard position < end else { throw .syntax(offset: position, expected: .commaOrEnd) }
                let next = bytes[position]
                if next == (isObject ? 0x7D : 0x5D) {
                    position &+= 1
                    depth &-= 1
                    if depth == 0 { return }
                    let outer = depth &- 1
                    isObject = kinds[(outer &>> 6) & 7] & (UInt64(1) &<< UInt64(outer & 63)) != 0
                    isOpening = false
                    continue
                }
                if !isOpening {
                    guard next == 0x2C else { throw .syntax(offset: position, expected: .commaOrEnd) }
                    position &+= 1
                    skipSpace()
                }
                break
            }
            if isObject {
                guard position < end, bytes[position] == 0x22 else { throw .syntax(offset: position, expected: .key) }
                _ = try skipString()
                skipSpace()
                guard position < end, bytes[position] == 0x3A else { throw .syntax(offset: position, expected: .colon) }
                position &+= 1
                skipSpace()
            }
        }
    }
}
