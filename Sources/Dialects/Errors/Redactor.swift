import Basics

/// Blots out secrets that are known, in every form in which an upstream may write them: as they are, in capitals or without,
/// percent-encoded, with JSON's escapes, as hexadecimal digits, in base64 wherever they begin.
///
/// Made once, used for every response.
public struct Redactor: Sendable {
    private struct Form: Sendable {
        /// In lower case where the case does not matter.
        let bytes: [UInt8]
        let ignoresCase: Bool
    }

    /// Shorter ones are words that stand in any text.
    static let shortest = 8

    private let forms: [Form]
    private let needles: [Needle]

    public init(_ secrets: [[UInt8]]) {
        var forms: [Form] = []
        for secret in secrets where secret.count >= Self.shortest {
            forms.append(Form(bytes: secret.map(ASCII.lowercased), ignoresCase: true))
            forms.append(Form(bytes: secret.flatMap { [Self.digit($0 >> 4), Self.digit($0 & 15)] }, ignoresCase: true))
            for form in Self.base64Forms(of: secret) { forms.append(Form(bytes: form, ignoresCase: false)) }
        }
        self.forms = forms
        needles = secrets.filter { $0.count >= Self.shortest }.map(Needle.init)
    }

    /// Whether a secret is in `text` as it is: for what is looked at of every response.
    public func stands(in text: UnsafeRawBufferPointer) -> Bool { needles.contains { $0.stands(in: text) } }

    /// What is redacted keeps its length.
    public func mask(_ bytes: UnsafeMutableRawBufferPointer) {
        for form in forms { Self.mask(bytes, form) }
    }

    /// Every place where `form` is, each of its bytes in any spelling.
    private static func mask(_ bytes: UnsafeMutableRawBufferPointer, _ form: Form) {
        guard let first = form.bytes.first else { return }
        let text = UnsafeRawBufferPointer(bytes)
        var index = 0
        while index < text.count {
            let byte = form.ignoresCase ? ASCII.lowercased(text[index]) : text[index]
            guard byte == first || byte == 0x25 || byte == 0x5C, let end = spelled(form, text, index) else {
                index += 1
                continue
            }
            for place in index..<end { bytes[place] = 0x2A }
            index = end
        }
    }

    /// Where a spelling of `form` ends that begins at `start`.
    private static func spelled(_ form: Form, _ text: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        var index = start
        for wanted in form.bytes {
            guard let (byte, length) = character(text, index) else { return nil }
            guard byte == wanted || (form.ignoresCase && ASCII.lowercased(byte) == wanted) else { return nil }
            index += length
        }
        return index
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    /// The byte that is at `index`, its spelling undone, and how long that is.
    private static func character(_ text: UnsafeRawBufferPointer, _ index: Int) -> (UInt8, Int)? {
        guard index < text.count else { return nil }
        let byte = text[index]
        if byte == 0x25, index + 2 < text.count, let high = JSONText.hexValue(text[index + 1]),
            let low = JSONText.hexValue(text[index + 2])
        {
            return (high << 4 | low, 3)
        }
        guard byte == 0x5C, index + 1 < text.count else { return (byte, 1) }
        if let unit = JSONText.codeUnit(at: index, of: text) { return unit < 0x80 ? (UInt8(unit), 6) : nil }
        return (text[index + 1], 2)
    }

    /// What of `secret` is in base64 whatever comes before and behind it: for each of the three places it may begin at, in both
    /// alphabets.
    private static func base64Forms(of secret: [UInt8]) -> [[UInt8]] {
        var forms: [[UInt8]] = []
        for (last, beforeLast) in [(UInt8(ascii: "/"), UInt8(ascii: "+")), (UInt8(ascii: "_"), UInt8(ascii: "-"))] {
            for offset in 0..<3 {
                // The letters that hold no bit of what is around it.
                let skipped = (3 - offset) % 3
                let whole = (secret.count - skipped) / 3 * 3
                guard whole >= 6 else { continue }
                var form: [UInt8] = []
                var index = skipped
                while index < skipped + whole {
                    let word = Int(secret[index]) << 16 | Int(secret[index + 1]) << 8 | Int(secret[index + 2])
                    for shift in [18, 12, 6, 0] { form.append(letter(word >> shift & 63, last, beforeLast)) }
                    index += 3
                }
                if !forms.contains(form) { forms.append(form) }
            }
        }
        return forms
    }

    private static func letter(_ value: Int, _ last: UInt8, _ beforeLast: UInt8) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + UInt8(value)
        case 26..<52: 0x61 + UInt8(value - 26)
        case 52..<62: 0x30 + UInt8(value - 52)
        case 62: beforeLast
        default: last
        }
    }
}

/// A word that is looked for with strides as long as it is, where nothing of it is (Horspool).
private struct Needle: Sendable {
    private let bytes: [UInt8]
    /// How far it is from the last place of each byte to the end.
    private let strides: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var strides = [UInt8](repeating: UInt8(clamping: bytes.count), count: 256)
        for (index, byte) in bytes.dropLast().enumerated() {
            strides[Int(byte)] = UInt8(clamping: bytes.count - 1 - index)
        }
        self.strides = strides
    }

    func stands(in text: UnsafeRawBufferPointer) -> Bool {
        guard let last = bytes.last else { return false }
        var end = bytes.count - 1
        while end < text.count {
            let byte = text[end]
            if byte == last, text[(end - bytes.count + 1)...end].elementsEqual(bytes) { return true }
            end += max(Int(strides[Int(byte)]), 1)
        }
        return false
    }
}
