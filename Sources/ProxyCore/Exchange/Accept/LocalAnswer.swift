import NIOCore

/// Whole answers that proxyd itself gives, in HTTP/1.1.
enum LocalAnswer {
    static func write(
        status: Int, contentType: String?, body: [UInt8], keepAlive: Bool, headers: [(name: String, value: String)] = [],
        omitBody: Bool = false, to out: inout ByteBuffer
    ) {
        out.writeStatusLine(status)
        if let contentType {
            out.writeStaticString("content-type: ")
            out.writeHeaderText(contentType)
            out.writeStaticString("\r\n")
        }
        for (name, value) in headers {
            out.writeHeaderText(name)
            out.writeStaticString(": ")
            out.writeHeaderText(value)
            out.writeStaticString("\r\n")
        }
        if status != 204 {
            out.writeStaticString("content-length: ")
            out.writeDecimal(body.count)
            out.writeStaticString("\r\n")
        }
        if !keepAlive { out.writeStaticString("connection: close\r\n") }
        out.writeStaticString("\r\n")
        if !omitBody { out.writeBytes(body) }
    }
}

extension ByteBuffer {
    mutating func writeStatusLine(_ status: Int) {
        switch status {
        case 200: writeStaticString("HTTP/1.1 200 OK\r\n")
        default:
            writeStaticString("HTTP/1.1 ")
            writeDecimal(status)
            writeStaticString(" ")
            writeStaticString(StatusText.reason(status))
            writeStaticString("\r\n")
        }
    }

    mutating func writeHeaderText(_ text: String) {
        writeString(HeaderText.encode(text))
    }

    mutating func writeDecimal(_ number: Int) {
        guard number >= 10 else {
            writeInteger(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: max(number, 0)))
            return
        }
        withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
            var left = number
            var index = 20
            while left > 0 {
                index -= 1
                digits[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: left % 10)
                left /= 10
            }
            writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[index...]))
        }
    }

    /// The size line of a chunk.
    mutating func writeChunkSize(_ count: Int) {
        withUnsafeTemporaryAllocation(byteCount: 18, alignment: 1) { digits in
            digits[16] = UInt8(ascii: "\r")
            digits[17] = UInt8(ascii: "\n")
            var left = count
            var index = 16
            repeat {
                index -= 1
                let digit = UInt8(truncatingIfNeeded: left & 15)
                digits[index] = digit < 10 ? UInt8(ascii: "0") &+ digit : UInt8(ascii: "a") &+ (digit &- 10)
                left >>= 4
            } while left > 0 && index > 0
            writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[index...]))
        }
    }
}
