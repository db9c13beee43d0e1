import NIOCore

/// Writes a head's lines by raw pointer into room that was made beforehand: a head is a hundred small pieces, and a buffer
/// that checks its uniqueness at each of them would cost more than the copying.
struct HeadCursor {
    private let base: UnsafeMutableRawPointer?
    private let capacity: Int
    private(set) var count = 0
    /// Something did not fit: what is written is no head.
    private(set) var isOverfull = false

    init(_ room: UnsafeMutableRawBufferPointer) {
        base = room.baseAddress
        capacity = room.count
    }

    /// The room is reckoned so that everything fits; what does not marks the whole as useless.
    @inline(__always)
    private mutating func append(_ bytes: UnsafeRawPointer?, _ length: Int) {
        guard let base, let bytes, length <= capacity &- count else {
            if length > 0 { isOverfull = true }
            return
        }
        (base + count).copyMemory(from: bytes, byteCount: length)
        count &+= length
    }

    @inline(__always)
    mutating func append(_ text: StaticString) { append(text.utf8Start, text.utf8CodeUnitCount) }

    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) { append(bytes.baseAddress, bytes.count) }

    @inline(__always)
    mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0.baseAddress, $0.count) } }

    @inline(__always)
    mutating func append(text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawPointer($0.baseAddress), $0.count) }
    }

    /// `name: value` and the line's end.
    @inline(__always)
    mutating func line(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    mutating func append(decimal number: Int) {
        withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
            var left = max(number, 0)
            var index = 20
            repeat {
                index -= 1
                digits[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: left % 10)
                left /= 10
            } while left > 0 && index > 0
            append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[index...]))
        }
    }

    mutating func statusLine(_ status: Int) {
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

extension ByteBuffer {
    /// Writes through a cursor into at least `room` bytes; where the room was reckoned too small, once more into more.
    @inline(__always)
    mutating func writeHead(room: Int, _ body: (inout HeadCursor) -> Void) {
        var room = room
        while true {
            var isWhole = true
            writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
                var cursor = HeadCursor(bytes)
                body(&cursor)
                isWhole = !cursor.isOverfull
                return isWhole ? cursor.count : 0
            }
            if isWhole { return }
            room = Swift.max(room, writableBytes) &* 2 &+ 1024
        }
    }
}
