import Basics

/// Writes a head's lines by raw pointer into room that was made beforehand: a head is a hundred small pieces, and a buffer
/// that checks its uniqueness at each of them would cost more than the copying.
public struct HeadCursor {
    @usableFromInline let base: UnsafeMutableRawPointer?
    @usableFromInline let capacity: Int
    @usableFromInline var written = 0
    @usableFromInline var hasOverflowed = false

    /// Bytes written so far.
    @inlinable public var count: Int { written }
    /// Whether something did not fit: what is written is no head.
    @inlinable public var isOverfull: Bool { hasOverflowed }

    /// `room` has to stay where it is for as long as the cursor writes.
    @inlinable
    public init(_ room: UnsafeMutableRawBufferPointer) {
        base = room.baseAddress
        capacity = room.count
    }

    /// The room is reckoned so that everything fits; what does not marks the whole as useless.
    @inlinable @inline(__always)
    mutating func append(_ bytes: UnsafeRawPointer?, _ length: Int) {
        guard let base, let bytes, length <= capacity &- written else {
            if length > 0 { hasOverflowed = true }
            return
        }
        (base + written).copyMemory(from: bytes, byteCount: length)
        written &+= length
    }

    @inlinable @inline(__always)
    public mutating func append(_ text: StaticString) { append(text.utf8Start, text.utf8CodeUnitCount) }

    @inlinable @inline(__always)
    public mutating func append(_ bytes: UnsafeRawBufferPointer) { append(bytes.baseAddress, bytes.count) }

    @inlinable @inline(__always)
    public mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0.baseAddress, $0.count) } }

    @inlinable @inline(__always)
    public mutating func append(text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawPointer($0.baseAddress), $0.count) }
    }

    /// Shows what was written from `start` on, to be changed in place.
    public mutating func change(from start: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
        guard let base, start >= 0, start < written else { return }
        body(UnsafeMutableRawBufferPointer(start: base + start, count: written &- start))
    }

    /// `name: value` and the line's end.
    @inlinable @inline(__always)
    public mutating func line(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// A number below zero is written as zero.
    public mutating func append(decimal number: Int) {
        let number = UInt(max(number, 0))
        let digits = DecimalPairs.count(number)
        guard let base, written &+ digits <= capacity else {
            hasOverflowed = true
            return
        }
        DecimalPairs.write(number, digits: digits, to: base + written)
        written &+= digits
    }

    /// 16 digits in lower case.
    public mutating func append(hexadecimal number: UInt64) {
        guard let base, written &+ 16 <= capacity else {
            hasOverflowed = true
            return
        }
        base.storeBytes(of: Hex.digits(UInt32(number >> 32)), toByteOffset: written, as: UInt64.self)
        base.storeBytes(of: Hex.digits(UInt32(truncatingIfNeeded: number)), toByteOffset: written + 8, as: UInt64.self)
        written &+= 16
    }

    public mutating func append(_ instant: RFC3339.Text) {
        guard let base, written &+ RFC3339.utcCount <= capacity else {
            hasOverflowed = true
            return
        }
        instant.write(to: base + written)
        written &+= RFC3339.utcCount
    }

    public mutating func statusLine(_ status: Int) {
        if status == 200 {
            append("HTTP/1.1 200 OK\r\n")
        } else {
            append("HTTP/1.1 ")
            append(decimal: status)
            append(" ")
            append(StatusText.reason(status))
            append("\r\n")
        }
    }
}
