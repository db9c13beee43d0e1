/// Bytes of log lines under construction.
///
/// Every append makes room first and then writes plainly, which is several times cheaper than appending to an array.
struct LogBuffer: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 1024) {
        self.capacity = max(capacity, 64)
        base = .allocate(capacity: self.capacity)
    }

    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    mutating func removeAll() { count = 0 }

    /// Makes room for `size` bytes more.
    @inline(__always)
    mutating func makeRoom(_ size: Int) {
        if capacity - count < size { grow(size) }
    }

    @inline(never)
    private mutating func grow(_ size: Int) {
        let larger = max(capacity * 2, count + size)
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        moved.update(from: base, count: count)
        base.deallocate()
        base = moved
        capacity = larger
    }

    // MARK: As it is

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        makeRoom(1)
        base[count] = byte
        count += 1
    }

    @inline(__always)
    mutating func append(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        makeRoom(bytes.count)
        (base + count).update(from: start, count: bytes.count)
        count += bytes.count
    }

    mutating func append(_ number: Int) {
        makeRoom(20)
        appendWithinRoom(number)
    }

    /// Microseconds as milliseconds with three decimals.
    mutating func append(milliseconds microseconds: Int) {
        makeRoom(24)
        appendWithinRoom(milliseconds: microseconds)
    }

    // MARK: Where room was made before

    @inline(__always)
    mutating func appendWithinRoom(_ byte: UInt8) {
        base[count] = byte
        count &+= 1
    }

    @inline(__always)
    mutating func appendWithinRoom(_ text: StaticString) {
        (base + count).update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        count &+= text.utf8CodeUnitCount
    }

    /// The first `length` bytes; the room is for all.
    @inline(__always)
    mutating func appendWithinRoom(_ bytes: SIMD32<UInt8>, count length: Int) {
        UnsafeMutableRawPointer(base + count).storeBytes(of: bytes, as: SIMD32<UInt8>.self)
        count &+= length
    }

    mutating func appendWithinRoom(_ number: Int) {
        var rest = number.magnitude
        if number < 0 { appendWithinRoom(UInt8(ascii: "-")) }
        var digits = 1
        var power: UInt = 10
        while digits < 19, rest >= power {
            digits += 1
            power *= 10
        }
        var place = count + digits
        count = place
        repeat {
            place -= 1
            base[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
    }

    mutating func appendWithinRoom(milliseconds microseconds: Int) {
        appendWithinRoom(microseconds / 1000)
        let fraction = microseconds.magnitude % 1000
        base[count] = UInt8(ascii: ".")
        base[count + 1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: fraction / 100)
        base[count + 2] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: fraction / 10 % 10)
        base[count + 3] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: fraction % 10)
        count += 4
    }

    /// Nano-dollars as dollars, with as many decimals as there are.
    mutating func appendWithinRoom(dollars nanoDollars: Int) {
        appendWithinRoom(nanoDollars / 1_000_000_000)
        var fraction = nanoDollars.magnitude % 1_000_000_000
        guard fraction > 0 else { return }
        appendWithinRoom(UInt8(ascii: "."))
        var place: UInt = 100_000_000
        while fraction > 0 {
            appendWithinRoom(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: fraction / place))
            fraction %= place
            place /= 10
        }
    }

    // MARK: Text from outside

    /// Bare where that is unambiguous, else in quotes with JSON's escapes.
    @inline(__always)
    mutating func appendValue(_ text: UnsafeBufferPointer<UInt8>, limit: Int = .max) {
        guard text.isEmpty || text.count > limit || !appendIfPlain(text, bare: true) else { return }
        appendQuoted(text, limit: limit)
    }

    /// A JSON string. What could end the line, move the cursor or turn the reading direction is escaped.
    ///
    /// - Parameter limit: bytes after which the text is cut, at a character's border, and ends with `…`.
    @inline(__always)
    mutating func appendQuoted(_ text: UnsafeBufferPointer<UInt8>, limit: Int = .max) {
        append(UInt8(ascii: "\""))
        appendEscaped(text, limit: limit)
        append(UInt8(ascii: "\""))
    }

    @inline(__always)
    mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>, limit: Int = .max) {
        guard text.count > limit || !appendIfPlain(text, bare: false) else { return }
        appendEscapedSlowly(text, limit: limit)
    }

    /// Copies the text if no byte of it needs an escape (`bare`: or quotes), else nothing. Sixteen bytes at a time, then eight.
    @inline(__always)
    private mutating func appendIfPlain(_ text: UnsafeBufferPointer<UInt8>, bare: Bool) -> Bool {
        guard let start = text.baseAddress else { return true }
        let size = text.count
        makeRoom(size)
        let source = UnsafeRawPointer(start)
        let target = UnsafeMutableRawPointer(base + count)
        var special: UInt64 = 0
        var index = 0
        if size >= 16 {
            var found = SIMDMask<SIMD16<Int8>>(repeating: false)
            while index &+ 16 <= size {
                let block = source.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
                found .|= Self.special(block, bare: bare)
                target.storeBytes(of: block, toByteOffset: index, as: SIMD16<UInt8>.self)
                index &+= 16
            }
            if any(found) { return false }
        }
        while index &+ 8 <= size {
            let word = source.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            special |= Self.special(word, bare: bare)
            target.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        if index < size {
            // The rest, filled up with what is never special.
            var word: UInt64 = 0x6161_6161_6161_6161
            while index < size {
                let byte = source.load(fromByteOffset: index, as: UInt8.self)
                word = word << 8 | UInt64(byte)
                target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
                index &+= 1
            }
            special |= Self.special(word, bare: bare)
        }
        guard special == 0 else { return false }
        count &+= size
        return true
    }

    @inline(__always)
    private static func special(_ block: SIMD16<UInt8>, bare: Bool) -> SIMDMask<SIMD16<Int8>> {
        (block .< SIMD16(repeating: bare ? 0x21 : 0x20)) .| (block .> SIMD16(repeating: 0x7E))
            .| (block .== SIMD16(repeating: 0x22)) .| (block .== SIMD16(repeating: 0x5C))
            .| (block .== SIMD16(repeating: bare ? 0x3D : 0x22))
    }

    /// Not 0 if one of the eight bytes is below 0x20 (`bare`: 0x21), above 0x7E, a quote or a backslash (`bare`: or `=`).
    @inline(__always)
    private static func special(_ word: UInt64, bare: Bool) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let equals = word ^ (ones &* 0x3D)
        var found = (word &- ones &* (bare ? 0x21 : 0x20)) & ~word
        found |= (quote &- ones) & ~quote
        found |= (backslash &- ones) & ~backslash
        if bare { found |= (equals &- ones) & ~equals }
        found |= word | (word &+ ones)
        return found & (ones &* 0x80)
    }

    @inline(never)
    private mutating func appendEscapedSlowly(_ text: UnsafeBufferPointer<UInt8>, limit: Int) {
        var end = text.count
        if end > limit {
            end = max(limit, 0)
            while end > 0, text[end] & 0xC0 == 0x80 { end -= 1 }
        }
        var index = 0
        while index < end {
            let byte = text[index]
            let next = index + 1 < end ? text[index + 1] : 0
            let afterNext = index + 2 < end ? text[index + 2] : 0
            index += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\r"): append("\\r")
            case UInt8(ascii: "\t"): append("\\t")
            case 0..<0x20, 0x7F: appendEscape(high: 0, low: byte)
            case 0xC2 where (0x80...0x9F).contains(next):
                // Control characters of the second set.
                appendEscape(high: 0, low: next)
                index += 1
            case 0xE2 where next == 0x80 && (0xA8...0xAE).contains(afterNext):
                // Line and paragraph separator, and what turns the reading direction.
                appendEscape(high: 0x20, low: 0x28 + (afterNext - 0xA8))
                index += 2
            case 0xE2 where next == 0x81 && (0xA6...0xA9).contains(afterNext):
                appendEscape(high: 0x20, low: 0x66 + (afterNext - 0xA6))
                index += 2
            default: append(byte)
            }
        }
        if end < text.count { append("…") }
    }

    private mutating func appendEscape(high: UInt8, low: UInt8) {
        append("\\u")
        appendHex(high)
        appendHex(low)
    }

    private mutating func appendHex(_ byte: UInt8) {
        for digit in [byte >> 4, byte & 15] {
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}

extension LogBuffer {
    mutating func append(text: String) {
        var text = text
        text.withUTF8 { append($0) }
    }

    mutating func appendValue(_ text: String, limit: Int = .max) {
        var text = text
        text.withUTF8 { appendValue($0, limit: limit) }
    }

    mutating func appendQuoted(_ text: String, limit: Int = .max) {
        var text = text
        text.withUTF8 { appendQuoted($0, limit: limit) }
    }
}
