import Basics

extension JSONSkim {
    /// What may come next in a document. Their order tells of what kind they are: values, then keys, and with odd numbers what may
    /// also be the end of the container.
    enum Next: UInt8 {
        case value, valueOrEnd, key, keyOrEnd, colon, commaOrEnd

        /// A comma or a colon is here. Whether it may be; so of all of these.
        @inline(__always)
        mutating func pass(_ separator: UInt8, inArray: Bool) -> Bool {
            if separator == 0x3A {
                guard self == .colon else { return false }
                self = .value
            } else {
                guard self == .commaOrEnd else { return false }
                self = inArray ? .value : .key
            }
            return true
        }

        @inline(__always)
        mutating func passString() -> Bool {
            guard rawValue < Self.colon.rawValue else { return false }
            self = rawValue < Self.key.rawValue ? .commaOrEnd : .colon
            return true
        }

        @inline(__always)
        mutating func open(isArray: Bool) -> Bool {
            guard rawValue < Self.key.rawValue else { return false }
            self = isArray ? .valueOrEnd : .keyOrEnd
            return true
        }

        @inline(__always)
        mutating func close() -> Bool {
            guard rawValue & 1 == 1 else { return false }
            self = .commaOrEnd
            return true
        }

        /// What stands between two strings or brackets.
        @inline(__always)
        mutating func passGap(_ base: UnsafeRawPointer, from start: Int, to end: Int, inArray: Bool) -> Bool {
            let first = base.load(fromByteOffset: start, as: UInt8.self)
            if end &- start == 1, JSONSkim.isSeparator(first) { return pass(first, inArray: inArray) }
            // A member that is a number, which is between its first digit and its last whatever it is.
            if self == .colon, first == 0x3A, Self.isDigit(base.load(fromByteOffset: start &+ 1, as: UInt8.self)) {
                let last = base.load(fromByteOffset: end &- 1, as: UInt8.self)
                if Self.isDigit(last) {
                    self = .commaOrEnd
                    return true
                }
                if last == 0x2C, Self.isDigit(base.load(fromByteOffset: end &- 2, as: UInt8.self)) {
                    self = .key
                    return true
                }
            }
            return pass(base, from: start, to: end, inArray: inArray)
        }

        /// Separators, numbers and words.
        @inline(never)
        private mutating func pass(_ base: UnsafeRawPointer, from start: Int, to end: Int, inArray: Bool) -> Bool {
            var index = start
            while index < end {
                let byte = base.load(fromByteOffset: index, as: UInt8.self)
                switch byte {
                case 0x20, 0x0A, 0x0D, 0x09: index &+= 1
                case 0x2C, 0x3A:
                    guard pass(byte, inArray: inArray) else { return false }
                    index &+= 1
                    if inArray, end &- index > 4 &* Self.looked { index = Self.lastNumbers(base, from: index, to: end) }
                default:
                    guard self == .value || self == .valueOrEnd else { return false }
                    guard let scalarEnd = Self.scalarEnd(base, from: index, to: end) else { return false }
                    self = .commaOrEnd
                    index = scalarEnd
                }
            }
            return true
        }

        /// How much is looked at of the end of a long list of numbers.
        private static let looked = 64

        /// Behind a comma near the end of a long list; `start` where there is none.
        private static func lastNumbers(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int {
            for index in end &- looked..<end where base.load(fromByteOffset: index, as: UInt8.self) == 0x2C { return index &+ 1 }
            return start
        }

        /// Where the number or the word ends that begins at `start`. Python's words for what is no number pass: its readers take them.
        private static func scalarEnd(_ base: UnsafeRawPointer, from start: Int, to end: Int) -> Int? {
            var index = start
            let first = base.load(fromByteOffset: index, as: UInt8.self)
            if first == 0x2D { index &+= 1 }
            let digits = index
            while index < end, isNumeric(base.load(fromByteOffset: index, as: UInt8.self)) { index &+= 1 }
            if index > digits { return isDigit(base.load(fromByteOffset: digits, as: UInt8.self)) ? index : nil }
            switch first {
            case UInt8(ascii: "n") where ByteSearch.has("null", base, at: index, to: end): return index &+ 4
            case UInt8(ascii: "t") where ByteSearch.has("true", base, at: index, to: end): return index &+ 4
            case UInt8(ascii: "f") where ByteSearch.has("false", base, at: index, to: end): return index &+ 5
            case UInt8(ascii: "N") where ByteSearch.has("NaN", base, at: index, to: end): return index &+ 3
            case UInt8(ascii: "I"), 0x2D: return ByteSearch.has("Infinity", base, at: index, to: end) ? index &+ 8 : nil
            default: return nil
            }
        }

        @inline(__always)
        private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

        @inline(__always)
        private static func isNumeric(_ byte: UInt8) -> Bool {
            isDigit(byte) || byte == 0x2E || byte | 0x20 == 0x65 || byte == 0x2B || byte == 0x2D
        }
    }
}
