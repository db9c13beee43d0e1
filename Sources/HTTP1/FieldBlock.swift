import Basics

/// One field of a head, as text.
public struct HeaderLine: Sendable, Hashable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// Fields of a head that are the same for many heads, written out once.
public struct FieldBlock: Sendable, Hashable {
    /// Each field with its line end.
    public private(set) var bytes: [UInt8] = []

    /// No field.
    public init() {}

    /// No field, and room for so many bytes.
    public init(capacity: Int) { bytes.reserveCapacity(capacity) }

    /// - Parameter fields: values are encoded where they could end their line or are not ASCII.
    public init(_ fields: [HeaderLine]) {
        for field in fields { add(field.name, field.value) }
    }

    /// Whether there is no field.
    public var isEmpty: Bool { bytes.isEmpty }
    /// Bytes that the block takes in a head.
    public var count: Int { bytes.count }

    /// Adds one field behind the others; its value is encoded where it could end the line or is not ASCII.
    public mutating func add(_ name: String, _ value: String) {
        bytes += name.utf8
        bytes += ": ".utf8
        bytes += HeaderText.encode(value).utf8
        bytes += "\r\n".utf8
    }

    /// Adds one field behind the others, whose value needs no encoding.
    public mutating func add(_ name: StaticString, _ number: Int) {
        let length = name.utf8CodeUnitCount
        // Written from its end: the name where there is room for it, a sign, digits, a line end.
        let room = 64
        let fits = length <= room
        if !fits { begin(name) }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room + 25) { text in
            text[room + 24] = UInt8(ascii: "\n")
            text[room + 23] = UInt8(ascii: "\r")
            var rest = number.magnitude
            var start = room + 23
            repeat {
                start -= 1
                let (tens, digit) = rest.quotientAndRemainder(dividingBy: 10)
                text[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
                rest = tens
            } while rest > 0
            if number < 0 {
                start -= 1
                text[start] = UInt8(ascii: "-")
            }
            if fits, let base = text.baseAddress {
                text[start - 1] = UInt8(ascii: " ")
                text[start - 2] = UInt8(ascii: ":")
                start -= 2 + length
                UnsafeMutableRawPointer(base + start).copyMemory(from: name.utf8Start, byteCount: length)
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
        }
    }

    /// Adds one field behind the others: a time in seconds since 1970, as RFC 3339 has it in UTC.
    public mutating func add(_ name: StaticString, utc seconds: Int) {
        begin(name)
        RFC3339.append(utc: seconds, to: &bytes)
        end()
    }

    private mutating func begin(_ name: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(UInt8(ascii: ":"))
        bytes.append(UInt8(ascii: " "))
    }

    private mutating func end() {
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }

    /// Adds all of another block's fields.
    public mutating func add(_ block: FieldBlock) { bytes += block.bytes }
}
