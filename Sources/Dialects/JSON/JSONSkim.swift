import Basics

/// Finds one member of a whole response while checking less of what it passes over than a scan does, and is faster, most of all over
/// long lists of numbers.
///
/// It is for bytes that go on as they are. That strings hold no control characters, that containers close as they were opened and
/// that values, commas and colons take turns is seen on the way; of escapes and digits little is looked at, and of a long list of
/// numbers only where it begins and ends. Where they are no JSON, it finds nothing or something, and never reads outside of them.
enum JSONSkim {
    /// Calls `found` with the place of each object that is the value of the top-level member `key`, braces included, and `text`
    /// with that of each string, keys too, without its quotes, and how many containers it is in.
    /// - Returns: where the first container ends; nil when it does not, or is seen to be no JSON.
    @inline(__always)
    @discardableResult
    static func objects(
        named key: StaticString, of bytes: UnsafeRawBufferPointer, in range: Range<Int>, text: (Range<Int>, Int) -> Void,
        _ found: (Range<Int>) -> Void
    ) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let end = min(range.upperBound, bytes.count)
        var index = max(range.lowerBound, 0)
        var depth = 0
        // A bit for each open container, the innermost last: whether it is an array. It means nothing where more were open at once
        // than it has bits.
        var arrays: UInt64 = 0
        var isDeep = false
        // Where the member's object begins, while inside it.
        var start = -1
        var next = Next.value
        while true {
            // Mostly a key or a text follows at once, behind a comma or a colon.
            if index &+ 1 < end, base.load(fromByteOffset: index &+ 1, as: UInt8.self) == 0x22,
                Self.isSeparator(base.load(fromByteOffset: index, as: UInt8.self))
            {
                let separator = base.load(fromByteOffset: index, as: UInt8.self)
                guard next.pass(separator, inArray: arrays & 1 == 1) || isDeep else { return nil }
                index &+= 1
            } else {
                let from = index
                index = ByteSearch.structure(base, from: index, to: end)
                guard index < end else { return nil }
                if index > from, depth > 0, !isDeep {
                    guard next.passGap(base, from: from, to: index, inArray: arrays & 1 == 1) else { return nil }
                }
            }
            switch base.load(fromByteOffset: index, as: UInt8.self) {
            case 0x22:
                let opening = index &+ 1
                index = strictStringEnd(base, from: opening, to: end)
                guard index < end, base.load(fromByteOffset: index, as: UInt8.self) == 0x22 else { return nil }
                let closing = index
                index &+= 1
                guard next.passString() || isDeep else { return nil }
                text(opening..<closing, depth)
                guard depth == 1, closing &- opening == key.utf8CodeUnitCount,
                    ByteSearch.has(key, base, at: opening, to: closing)
                else { continue }
                if let brace = objectStart(base, from: index, to: end) {
                    start = brace
                    index = brace &+ 1
                    depth = 2
                    arrays &<<= 1
                    next = .keyOrEnd
                }
            case let bracket where bracket == 0x7B || bracket == 0x5B:
                depth &+= 1
                if depth > 64 { isDeep = true }
                arrays = arrays &<< 1 | (bracket == 0x5B ? 1 : 0)
                guard next.open(isArray: bracket == 0x5B) || isDeep else { return nil }
                index &+= 1
            case let bracket:
                guard isDeep || ((bracket == 0x5D) == (arrays & 1 == 1) && next.close()) else { return nil }
                arrays &>>= 1
                depth &-= 1
                index &+= 1
                guard depth > 0 else { return depth == 0 ? index : nil }
                if depth == 1, start >= 0 {
                    found(start..<index)
                    start = -1
                }
            }
        }
    }

    @inline(__always)
    static func isSeparator(_ byte: UInt8) -> Bool { byte == 0x2C || byte == 0x3A }

    /// The closing quote of the string that begins at `start`, or the control character that no string may hold; `end` where
    /// there is neither.
    @inline(__always)
    private static func strictStringEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while true {
            index = ByteSearch.plainEnd(base, from: index, to: end)
            guard index < end, base.load(fromByteOffset: index, as: UInt8.self) == 0x5C else { return index }
            index = min(index &+ 2, end)
        }
    }

    /// The closing quote of the string that begins at `start`; `end` where there is none.
    @inline(__always)
    static func stringEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
        var index = start
        while true {
            index = ByteSearch.quoteOrEscape(base, from: index, to: end)
            guard index < end, base.load(fromByteOffset: index, as: UInt8.self) == 0x5C else { return index }
            index = min(index &+ 2, end)
        }
    }

    /// Where the object begins that follows a key; nil when a value of another kind does.
    private static func objectStart(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int? {
        var index = start
        var hasColon = false
        while index < end {
            switch base.load(fromByteOffset: index, as: UInt8.self) {
            case 0x20, 0x0A, 0x0D, 0x09: break
            case 0x3A where !hasColon: hasColon = true
            case 0x7B where hasColon: return index
            default: return nil
            }
            index &+= 1
        }
        return nil
    }
}
