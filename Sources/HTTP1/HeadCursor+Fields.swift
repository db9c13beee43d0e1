import Basics

/// The lines of a head.
extension HeadCursor {
    /// Fields that were written out beforehand.
    @inlinable
    public mutating func block(_ block: FieldBlock) {
        if !block.isEmpty { append(block.bytes) }
    }

    @inlinable
    public mutating func field(_ name: StaticString, _ value: StaticString) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    @inlinable
    public mutating func field(_ name: StaticString, _ value: UnsafeRawBufferPointer) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// - Parameter value: of ours, or encoded already.
    @inlinable
    public mutating func field(_ name: StaticString, text value: String) {
        append(name)
        append(": ")
        append(text: value)
        append("\r\n")
    }

    @inlinable
    public mutating func field(_ name: StaticString, decimal value: Int) {
        append(name)
        append(": ")
        append(decimal: value)
        append("\r\n")
    }

    /// - Parameter write: writes the value, of pieces that are ours.
    @inlinable @inline(__always)
    public mutating func field(_ name: StaticString, write: (inout HeadCursor) -> Void) {
        append(name)
        append(": ")
        write(&self)
        append("\r\n")
    }

    public mutating func field(_ name: StaticString, _ instant: RFC3339.Text) {
        append(name)
        append(": ")
        append(instant)
        append("\r\n")
    }

    /// A field whose value is encoded where it could end the line or is not ASCII.
    public mutating func field(_ field: HeaderLine) {
        append(text: field.name)
        append(": ")
        append(text: HeaderText.encode(field.value))
        append("\r\n")
    }

    /// The line that a request begins with; `prefix` is before a target in absolute form.
    public mutating func requestLine(method: UnsafeRawBufferPointer, prefix: [UInt8], target: [UInt8]) {
        append(method)
        append(" ")
        if !prefix.isEmpty { append(prefix) }
        append(target)
        append(" HTTP/1.1\r\n")
    }

    /// The line that a request of proxyd's own begins with. Neither part is looked at: nothing that ends a line may be in it.
    public mutating func requestLine(method: String, target: String) {
        append(text: method)
        append(" ")
        append(text: target)
        append(" HTTP/1.1\r\n")
    }

    /// The empty line behind the fields.
    @inlinable
    public mutating func endHead() { append("\r\n") }

    /// The line before the data of a chunk.
    public mutating func chunkSize(_ count: Int) {
        withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { digits in
            var left = max(count, 0)
            var index = 16
            repeat {
                index -= 1
                digits[index] = Hex.digit(UInt8(truncatingIfNeeded: left & 15))
                left >>= 4
            } while left > 0 && index > 0
            append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[index...]))
        }
        append("\r\n")
    }

    /// What is behind the data of a chunk.
    @inlinable
    public mutating func chunkEnd() { append("\r\n") }
}
