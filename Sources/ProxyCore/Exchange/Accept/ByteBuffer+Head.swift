import HTTP1
import NIOCore

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
