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
            writeStaticString(Self.reason(status))
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

    private static func reason(_ status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 529: "Overloaded"
        default: "Status"
        }
    }
}
