import Basics

/// A vendor's opaque signature on its way through another vendor's field: `pxd1.` and base64url of JSON (conversion.md 4.5).
struct SignatureEnvelope: Sendable, Hashable {
    /// The vendor that signed. It is named by a word, so that a new vendor needs no list.
    struct Family: RawRepresentable, Sendable, Hashable {
        let rawValue: String

        static var gemini: Family { Family(rawValue: "gemini") }
        static var openai: Family { Family(rawValue: "openai") }
        static var anthropic: Family { Family(rawValue: "anthropic") }
        /// The family of servers that speak Chat, whoever they are.
        static var compat: Family { Family(rawValue: "compat") }
    }

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
            let value = try? JSONValue(parsing: bytes), let family = value["u"]?.string.map(Family.init(rawValue:)),
            let kind = value["k"]?.string.flatMap(Kind.init)
        else { return nil }
        self.init(family: family, model: value["m"]?.string ?? "", kind: kind, original: value["s"]?.string ?? "")
    }

    /// The envelope as text. Base64url: it needs no escaping anywhere.
    var encoded: String {
        let value: JSONValue = [
            "u": .string(family.rawValue), "m": .string(model), "k": .string(kind.rawValue), "s": .string(original),
        ]
        return Self.mark + Base64.encodeURL(value.bytes)
    }

    /// The envelope in base64 once more, for Gemini's `thoughtSignature`: its clients decode that field.
    static func base64(_ envelope: String) -> String { Base64.encode(Array(envelope.utf8)) }

    /// The envelope out of a field that holds base64; nil for a vendor's own signature.
    static func envelope(inBase64 text: String) -> String? {
        if isEnvelope(text) { return text }
        // `pxd1.` in base64, but for its last bits.
        guard text.hasPrefix("cHhkMS"), let bytes = Base64.decode(text) else { return nil }
        let decoded = String(decoding: bytes, as: UTF8.self)
        return isEnvelope(decoded) ? decoded : nil
    }
}
