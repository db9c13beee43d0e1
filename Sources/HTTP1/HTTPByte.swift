/// The characters HTTP is written with.
public enum HTTPByte {
    @inlinable public static var tab: UInt8 { 0x09 }
    @inlinable public static var lineFeed: UInt8 { 0x0a }
    @inlinable public static var carriageReturn: UInt8 { 0x0d }
    @inlinable public static var space: UInt8 { 0x20 }
    @inlinable public static var hash: UInt8 { 0x23 }
    @inlinable public static var percent: UInt8 { 0x25 }
    @inlinable public static var asterisk: UInt8 { 0x2a }
    @inlinable public static var comma: UInt8 { 0x2c }
    @inlinable public static var hyphen: UInt8 { 0x2d }
    @inlinable public static var slash: UInt8 { 0x2f }
    @inlinable public static var zero: UInt8 { 0x30 }
    @inlinable public static var colon: UInt8 { 0x3a }
    @inlinable public static var semicolon: UInt8 { 0x3b }
    @inlinable public static var questionMark: UInt8 { 0x3f }
    @inlinable public static var openBracket: UInt8 { 0x5b }
    @inlinable public static var closeBracket: UInt8 { 0x5d }
    @inlinable public static var delete: UInt8 { 0x7f }

    /// CR LF, as two bytes of memory read as one number.
    @inlinable public static var lineBreak: UInt16 { UInt16(bigEndian: 0x0d0a) }
}
