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
        add(name) { text in
            var count = number < 0 ? 1 : 0
            var rest = number.magnitude
            repeat {
                count += 1
                rest /= 10
            } while rest > 0
            rest = number.magnitude
            var place = count
            repeat {
                place -= 1
                let (tens, digit) = rest.quotientAndRemainder(dividingBy: 10)
                text[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
                rest = tens
            } while rest > 0
            if number < 0 { text[0] = UInt8(ascii: "-") }
            return count
        }
    }

    /// Adds one field behind the others: a time in seconds since 1970, as RFC 3339 has it in UTC.
    public mutating func add(_ name: StaticString, utc seconds: Int) {
        add(name) { text in
            RFC3339.write(utc: seconds, to: text)
            return RFC3339.utcCount
        }
    }

    /// What a value takes that `add(_:write:)` writes: as much as the longest number.
    private static let value = 20
    /// Names up to this length are written with their values at once.
    private static let name = 64

    /// - Parameter write: writes a value of `value` bytes at most, and returns how many.
    @inline(__always)
    private mutating func add(_ name: StaticString, write: (UnsafeMutablePointer<UInt8>) -> Int) {
        var length = name.utf8CodeUnitCount
        if length > Self.name {
            bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: length))
            length = 0
        }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.name + Self.value + 4) { line in
            guard let base = line.baseAddress else { return }
            UnsafeMutableRawPointer(base).copyMemory(from: name.utf8Start, byteCount: length)
            base[length] = UInt8(ascii: ":")
            base[length + 1] = UInt8(ascii: " ")
            let end = length + 2 + write(base + length + 2)
            base[end] = UInt8(ascii: "\r")
            base[end + 1] = UInt8(ascii: "\n")
            bytes.append(contentsOf: UnsafeBufferPointer(start: base, count: end + 2))
        }
    }

    /// Adds all of another block's fields.
    public mutating func add(_ block: FieldBlock) { bytes += block.bytes }
}
