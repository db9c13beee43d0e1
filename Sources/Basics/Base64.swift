/// Base64 in both alphabets (RFC 4648).
public enum Base64 {
    private static let urlDigits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Encodes in the standard alphabet, padded.
    public static func encode(_ bytes: [UInt8]) -> String {
        let text = encode(bytes, digits)
        return text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    }

    /// Encodes in the URL alphabet, without padding.
    public static func encodeURL(_ bytes: some Sequence<UInt8>) -> String { encode(Array(bytes), urlDigits) }

    /// The same data in the standard alphabet, padded: what vendors other than Google demand.
    public static func standard(_ text: String) -> String {
        let count = text.utf8.count
        let isURLs = text.utf8.contains { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
        guard isURLs || count % 4 != 0 else { return text }
        var out = Array(text.utf8)
        for index in out.indices {
            switch out[index] {
            case UInt8(ascii: "-"): out[index] = UInt8(ascii: "+")
            case UInt8(ascii: "_"): out[index] = UInt8(ascii: "/")
            default: break
            }
        }
        out.append(contentsOf: repeatElement(UInt8(ascii: "="), count: (4 - count % 4) % 4))
        return String(decoding: out, as: UTF8.self)
    }

    private static func encode(_ bytes: [UInt8], _ digits: [UInt8]) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count / 3 * 4 + 4)
        var index = 0
        while index < bytes.count {
            let first = bytes[index]
            let second = index + 1 < bytes.count ? bytes[index + 1] : 0
            let third = index + 2 < bytes.count ? bytes[index + 2] : 0
            out.append(digits[Int(first >> 2)])
            out.append(digits[Int((first & 3) << 4 | second >> 4)])
            if index + 1 < bytes.count { out.append(digits[Int((second & 15) << 2 | third >> 6)]) }
            if index + 2 < bytes.count { out.append(digits[Int(third & 63)]) }
            index += 3
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Either alphabet, padded or not; nil for anything else.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var out: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text.utf8 {
            let value: UInt8
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = byte - UInt8(ascii: "A")
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = byte - UInt8(ascii: "a") + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0") + 52
            case UInt8(ascii: "+"), UInt8(ascii: "-"): value = 62
            case UInt8(ascii: "/"), UInt8(ascii: "_"): value = 63
            case UInt8(ascii: "="), 0x0A, 0x0D, UInt8(ascii: " "): continue
            default: return nil
            }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                out.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return out
    }

    /// The URL alphabet alone, without padding (RFC 4648 §5); nil for anything else.
    public static func decodeURL(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count % 4 != 1, text.utf8.allSatisfy({ urlDigits.contains($0) }) else { return nil }
        return decode(text)
    }

    /// The standard alphabet alone, with all of its padding or none; nil for anything else.
    public static func decodeStrictly(_ text: String) -> [UInt8]? {
        let padding = text.utf8.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        let count = text.utf8.count
        guard padding == 0 || (padding <= 2 && count.isMultiple(of: 4)), (count - padding) % 4 != 1,
            text.utf8.dropLast(padding).allSatisfy({ digits.contains($0) })
        else { return nil }
        return decode(text)
    }
}
