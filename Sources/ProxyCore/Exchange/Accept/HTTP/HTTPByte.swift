/// The characters HTTP is written with.
enum HTTPByte {
    static var tab: UInt8 { 0x09 }
    static var lineFeed: UInt8 { 0x0a }
    static var carriageReturn: UInt8 { 0x0d }
    static var space: UInt8 { 0x20 }
    static var hash: UInt8 { 0x23 }
    static var percent: UInt8 { 0x25 }
    static var asterisk: UInt8 { 0x2a }
    static var comma: UInt8 { 0x2c }
    static var hyphen: UInt8 { 0x2d }
    static var slash: UInt8 { 0x2f }
    static var zero: UInt8 { 0x30 }
    static var colon: UInt8 { 0x3a }
    static var semicolon: UInt8 { 0x3b }
    static var questionMark: UInt8 { 0x3f }
    static var openBracket: UInt8 { 0x5b }
    static var closeBracket: UInt8 { 0x5d }
    static var delete: UInt8 { 0x7f }

    /// CR LF, as two bytes of memory read as one number.
    static var lineBreak: UInt16 { UInt16(bigEndian: 0x0d0a) }
}
