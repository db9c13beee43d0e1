/// A vendor's opaque seal on its way through another vendor's field: `pxd1.` and base64url of JSON (conversion.md 4.5).
struct SignatureEnvelope: Sendable, Hashable {
    enum Family: String, Sendable { case gemini, openai, anthropic, compat }
    enum Kind: String, Sendable { case think, redacted, call, text }

    var family: Family
    var model: String
    var kind: Kind
    /// What the vendor itself wrote; empty where it wrote nothing.
    var original: String

    private static let mark = "pxd1."
    /// The mark's first four bytes as they lie in memory.
    static var markWord: UInt32 { UInt32(littleEndian: 0x3164_7870) }

    /// Whether a field holds an envelope of ours, readable or not: it must never reach a vendor.
    static func isEnvelope(_ text: String) -> Bool { text.hasPrefix(mark) }

    init(family: Family, model: String, kind: Kind, original: String) {
        self.family = family
        self.model = model
        self.kind = kind
        self.original = original
    }

    /// Opens an envelope; nil for what is none.
    init?(_ text: String) {
        guard Self.isEnvelope(text), let bytes = Base64.decode(text.dropFirst(Self.mark.count)),
            let value = try? JSONValue(parsing: bytes), let family = value["u"]?.string.flatMap(Family.init),
            let kind = value["k"]?.string.flatMap(Kind.init)
        else { return nil }
        self.init(family: family, model: value["m"]?.string ?? "", kind: kind, original: value["s"]?.string ?? "")
    }

    /// The envelope as text. Base64url: it needs no escaping anywhere.
    var sealed: String {
        let value: JSONValue = [
            "u": .string(family.rawValue), "m": .string(model), "k": .string(kind.rawValue), "s": .string(original),
        ]
        return Self.mark + Base64.encodeURL(value.bytes)
    }

    /// The envelope in base64 once more, for Gemini's `thoughtSignature`: its clients decode that field.
    static func base64(_ envelope: String) -> String { Base64.encode(Array(envelope.utf8)) }

    /// The envelope out of a field that holds base64; nil for a vendor's own seal.
    static func envelope(inBase64 text: String) -> String? {
        if isEnvelope(text) { return text }
        // `pxd1.` in base64, but for its last bits.
        guard text.hasPrefix("cHhkMS"), let bytes = Base64.decode(text) else { return nil }
        let decoded = String(decoding: bytes, as: UTF8.self)
        return isEnvelope(decoded) ? decoded : nil
    }

    static func family(of upstream: Dialect) -> Family {
        switch upstream {
        case .anthropic: .anthropic
        case .responses: .openai
        case .openai, .azure: .compat
        case .gemini: .gemini
        }
    }
}

/// Base64 in both alphabets (RFC 4648).
enum Base64 {
    private static let urlDigits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// In the standard alphabet, padded.
    static func encode(_ bytes: [UInt8]) -> String {
        let text = encode(bytes, digits)
        return text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    }

    /// In the URL alphabet, without padding.
    static func encodeURL(_ bytes: [UInt8]) -> String { encode(bytes, urlDigits) }

    /// The same data in the standard alphabet, padded: what vendors other than Google demand.
    static func standard(_ text: String) -> String {
        let count = text.utf8.count
        guard count % 4 != 0 || text.utf8.contains(where: { $0 == 0x2D || $0 == 0x5F }) else { return text }
        var out = Array(text.utf8)
        for index in out.indices {
            if out[index] == 0x2D { out[index] = 0x2B } else if out[index] == 0x5F { out[index] = 0x2F }
        }
        out.append(contentsOf: repeatElement(0x3D, count: (4 - count % 4) % 4))
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
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var out: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text.utf8 {
            let value: UInt8
            switch byte {
            case 0x41...0x5A: value = byte - 0x41
            case 0x61...0x7A: value = byte - 0x61 + 26
            case 0x30...0x39: value = byte - 0x30 + 52
            case 0x2B, 0x2D: value = 62
            case 0x2F, 0x5F: value = 63
            case 0x3D, 0x0A, 0x0D, 0x20: continue
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
}
