/// Percent-encoding in addresses and forms (RFC 3986 §2.1).
public enum PercentEncoding {
    /// Whether a byte needs no encoding anywhere: letters, digits and `-._~` (RFC 3986 §2.3).
    @inlinable @inline(__always)
    public static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: ASCII.isAlphanumeric(byte)
        }
    }

    /// Unreserved characters as they are, every other byte as `%` and two digits in upper case.
    public static func bytes(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count * 3)
        for byte in text.utf8 {
            if isUnreserved(byte) {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(upperCaseDigit(byte >> 4))
                bytes.append(upperCaseDigit(byte & 15))
            }
        }
        return bytes
    }

    /// The same as a text.
    public static func text(_ text: String) -> String { String(decoding: bytes(text), as: UTF8.self) }

    /// The text behind it; nil if a `%` is not followed by two hexadecimal digits or the result is not UTF-8.
    /// - Parameter admitsNUL: else a text that holds one is nil too.
    public static func decoded(
        _ bytes: UnsafeRawBufferPointer, plusIsSpace: Bool = false, admitsNUL: Bool = false
    ) -> String? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            var byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                guard index + 1 < bytes.count, let high = Hex.value(bytes[index]), let low = Hex.value(bytes[index + 1]) else {
                    return nil
                }
                byte = high << 4 | low
                guard byte != 0 || admitsNUL else { return nil }
                index += 2
            } else if plusIsSpace, byte == UInt8(ascii: "+") {
                byte = UInt8(ascii: " ")
            }
            decoded.append(byte)
        }
        return String(validating: decoded, as: UTF8.self)
    }

    private static func upperCaseDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "A") &+ (value &- 10)
    }
}
