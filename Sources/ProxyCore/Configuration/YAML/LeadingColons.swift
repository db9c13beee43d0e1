/// Lets `[::1, 10.0.0.0/8]` be read: YAML 1.2 has a plain scalar there, libyaml only before YAML 1.2's rule about `:`.
///
/// Two colons that begin a word are swapped for a character nobody uses, one for one, so that columns stay, and swapped back
/// in what libyaml gives.
enum LeadingColons {
    /// U+10FFFD, the last private character.
    private static let stand: Unicode.Scalar = "\u{10FFFD}"
    private static let standBytes: [UInt8] = [0xF4, 0x8F, 0xBF, 0xBD]

    /// A text that holds the stand-in already stays as it is.
    static func hide(in bytes: [UInt8]) -> [UInt8] {
        let colon = UInt8(ascii: ":")
        var places: [Int] = []
        var previous = UInt8(ascii: "\n")
        for index in bytes.indices.dropLast() {
            if bytes[index] == colon, bytes[index + 1] == colon, beginsWord(after: previous) { places.append(index) }
            if bytes[index] == 0xF4, bytes[index...].starts(with: standBytes) { return bytes }
            previous = bytes[index]
        }
        guard !places.isEmpty else { return bytes }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + places.count * 6)
        var copied = 0
        for place in places {
            result += bytes[copied..<place]
            result += standBytes + standBytes
            copied = place + 2
        }
        return result + bytes[copied...]
    }

    static func show(in bytes: [UInt8]) -> [UInt8] { Array(show(in: String(decoding: bytes, as: UTF8.self)).utf8) }

    static func show(in text: String) -> String {
        guard text.unicodeScalars.contains(stand), !text.isEmpty else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(scalar == stand ? ":" : scalar) }
        return String(result)
    }

    private static func beginsWord(after byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: " "), UInt8(ascii: "["), UInt8(ascii: ","), UInt8(ascii: "{"):
            true
        default: false
        }
    }
}
