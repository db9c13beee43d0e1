/// Hexadecimal digits.
public enum Hex {
    /// What a digit stands for; nil for what is none.
    @inlinable @inline(__always)
    public static func value(_ byte: UInt8) -> UInt8? {
        let digit = byte &- 0x30
        if digit < 10 { return digit }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    /// The digit for a number under 16, in lower case.
    @inlinable @inline(__always)
    public static func digit(_ value: UInt8) -> UInt8 {
        let value = value & 15
        return value < 10 ? 0x30 &+ value : 0x61 &+ (value &- 10)
    }

    /// The 8 digits of a number as they stand in memory, in lower case, all at once.
    @inlinable @inline(__always)
    public static func digits(_ number: UInt32) -> UInt64 {
        var each = UInt64(number)
        each = (each | each << 16) & 0x0000_FFFF_0000_FFFF
        each = (each | each << 8) & 0x00FF_00FF_00FF_00FF
        each = (each | each << 4) & 0x0F0F_0F0F_0F0F_0F0F
        let isLetter = ((each &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return (each &+ 0x3030_3030_3030_3030 &+ isLetter &* 0x27).bigEndian
    }

    /// Two digits for each byte, in lower case.
    @inlinable
    public static func text(_ bytes: some Sequence<UInt8>) -> String {
        var digits: [UInt8] = []
        for byte in bytes {
            digits.append(digit(byte >> 4))
            digits.append(digit(byte))
        }
        return String(decoding: digits, as: UTF8.self)
    }

    /// The bytes that pairs of digits stand for; nil for an odd number of them, or for anything else.
    public static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
