import Basics

/// Blots out secrets that are known, in every form in which an upstream may write them: as they are, in capitals or without,
/// percent-encoded, with JSON's escapes, with those escaped once more, with HTML's, as hexadecimal digits, in base64 wherever they
/// begin.
///
/// Made once, used for every response.
public struct Redactor: Sendable {
    private struct Form: Sendable {
        /// What is looked for; in lower case where the case does not matter.
        let bytes: [UInt8]
        let ignoresCase: Bool
        /// How long the secret is.
        let secret: Int
    }

    /// Shorter ones are words that stand in any text.
    static let shortest = 8

    private let forms: [Form]
    private let sieve: Sieve

    public init(_ secrets: [[UInt8]]) {
        var forms: [Form] = []
        for secret in secrets where secret.count >= Self.shortest {
            forms.append(Form(bytes: secret.map(ASCII.lowercased), ignoresCase: true, secret: secret.count))
            let digits = secret.flatMap { [Self.digit($0 >> 4), Self.digit($0 & 15)] }
            forms.append(Form(bytes: digits, ignoresCase: true, secret: secret.count))
            for form in Self.base64Forms(of: secret) {
                forms.append(Form(bytes: form, ignoresCase: false, secret: secret.count))
            }
        }
        self.forms = forms
        sieve = Sieve(forms.map(\.bytes))
    }

    /// The longest spelling of a secret.
    public var reach: Int { Self.longestSpelling * (forms.map(\.bytes.count).max() ?? 0) }

    /// Whether a secret is in `text`, in any form but with escapes: for what is looked at of every response.
    /// - Parameter shortest: secrets that are shorter are passed over.
    public func stands(in text: UnsafeRawBufferPointer, shortest: Int = 0) -> Bool {
        sieve.contains(text) { start in
            forms.contains { $0.secret >= shortest && Self.isPlain($0, text, start) }
        }
    }

    /// How many of the last bytes of `text` are the beginning of a secret and not all of it, in any form but with escapes.
    /// - Parameter shortest: secrets that are shorter are passed over.
    public func unfinished(in text: UnsafeRawBufferPointer, shortest: Int = 0) -> Int {
        let longest = forms.map(\.bytes.count).max() ?? 0
        var start = max(text.count - longest + 1, 0)
        while start < text.count {
            let isBeginning = forms.contains { form in
                form.secret >= shortest && form.bytes.count > text.count - start && Self.begins(form, text, start)
            }
            if isBeginning { return text.count - start }
            start += 1
        }
        return 0
    }

    /// Whether `form` begins with all that is in `text` from `start` on.
    private static func begins(_ form: Form, _ text: UnsafeRawBufferPointer, _ start: Int) -> Bool {
        for (offset, byte) in text[start...].enumerated() {
            let wanted = form.bytes[offset]
            guard byte == wanted || (form.ignoresCase && ASCII.lowercased(byte) == wanted) else { return false }
        }
        return true
    }

    /// Whether a secret may be in `text` in any form at all.
    public func mayStand(in text: UnsafeRawBufferPointer) -> Bool {
        !forms.isEmpty && (stands(in: text) || Self.holdsEscapes(text))
    }

    private static func isPlain(_ form: Form, _ text: UnsafeRawBufferPointer, _ start: Int) -> Bool {
        guard start >= 0, text.count - start >= form.bytes.count else { return false }
        for (index, wanted) in form.bytes.enumerated() {
            let byte = text[start + index]
            guard byte == wanted || (form.ignoresCase && ASCII.lowercased(byte) == wanted) else { return false }
        }
        return true
    }

    private static func holdsEscapes(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let base = text.baseAddress else { return false }
        let (percent, backslash) = (ByteLanes.all(0x25), ByteLanes.all(0x5C))
        var index = 0
        while index + 16 <= text.count {
            let chunk = base.lanes(at: index)
            if ByteLanes.beforeFirst((chunk .== percent) .| (chunk .== backslash)) < 16 { return true }
            index += 16
        }
        return text[index...].contains { $0 == 0x25 || $0 == 0x5C }
    }

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
            guard byte == first || byte == 0x25 || byte == 0x5C || byte == 0x26, let end = spelled(form, text, index) else {
                index += 1
                continue
            }
            for place in index..<end { bytes[place] = 0x2A }
            index = end
        }
    }

    /// Where a spelling of `form` ends that begins at `start`.
    private static func spelled(_ form: Form, _ text: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        if isPlain(form, text, start) { return start + form.bytes.count }
        var index = start
        for wanted in form.bytes {
            func fits(_ spelling: (byte: UInt8, length: Int)) -> Bool {
                spelling.byte == wanted || (form.ignoresCase && ASCII.lowercased(spelling.byte) == wanted)
            }
            // What begins with an ampersand begins with itself, too.
            if index < text.count, text[index] == 0x26, let named = reference(text, index), fits(named) {
                index += named.length
            } else if let once = character(text, index), fits(once) {
                index += once.length
            } else if let twice = nested(text, index), fits(twice) {
                index += twice.length
            } else {
                return nil
            }
        }
        return index
    }

    /// A character of a spelling has at most so many bytes.
    private static let longestSpelling = 8

    /// The same as `character` where it is escaped twice, as in JSON that lies in a text of JSON.
    private static func nested(_ text: UnsafeRawBufferPointer, _ index: Int) -> (byte: UInt8, length: Int)? {
        guard index < text.count else { return nil }
        switch text[index] {
        case 0x25:
            guard index + 4 < text.count, text[index + 1] == UInt8(ascii: "2"), text[index + 2] == UInt8(ascii: "5"),
                let high = Hex.value(text[index + 3]), let low = Hex.value(text[index + 4])
            else { return nil }
            return (high << 4 | low, 5)
        case 0x5C:
            var last = index
            while last + 1 < text.count, last < index + 2, text[last + 1] == 0x5C { last += 1 }
            guard last > index, last + 1 < text.count else { return nil }
            let length = last - index
            if let unit = JSONText.codeUnit(at: last, of: text) { return unit < 0x80 ? (UInt8(unit), length + 6) : nil }
            return (text[last + 1], length + 2)
        default: return nil
        }
    }

    /// `&#43;`, `&#x2B;`, `&amp;`.
    private static func reference(_ text: UnsafeRawBufferPointer, _ index: Int) -> (byte: UInt8, length: Int)? {
        let end = min(index + longestSpelling, text.count)
        guard let semicolon = text[index..<end].firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let name = String(decoding: text[(index + 1)..<semicolon], as: UTF8.self).lowercased()
        let byte: UInt8? =
            switch name {
            case "amp": UInt8(ascii: "&")
            case "lt": UInt8(ascii: "<")
            case "gt": UInt8(ascii: ">")
            case "quot": UInt8(ascii: "\"")
            case "apos": UInt8(ascii: "'")
            case _ where name.hasPrefix("#x"): UInt8(name.dropFirst(2), radix: 16)
            case _ where name.hasPrefix("#"): UInt8(name.dropFirst(1))
            default: nil
            }
        return byte.map { ($0, semicolon - index + 1) }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    /// The byte that is at `index`, its spelling undone, and how long that is.
    private static func character(_ text: UnsafeRawBufferPointer, _ index: Int) -> (byte: UInt8, length: Int)? {
        guard index < text.count else { return nil }
        let byte = text[index]
        if byte == 0x25, index + 2 < text.count, let high = Hex.value(text[index + 1]),
            let low = Hex.value(text[index + 2])
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

/// Looks for many words at once, with strides as long as the shortest of them where nothing of them is (Wu and Manber). Letters of
/// either case look alike to it, so what it points at has to be compared.
private struct Sieve: Sendable {
    /// What each word is looked for by: its beginning of so many bytes.
    private let window: Int
    /// For each pair of bytes how far away, at least, the next place is where a window may end.
    private let strides: [UInt8]

    /// Windows longer than this gain nothing.
    private static let longestWindow = 16

    init(_ words: [[UInt8]]) {
        window = min(words.map(\.count).min() ?? 0, Self.longestWindow)
        guard window >= 2 else {
            strides = []
            return
        }
        var strides = [UInt8](repeating: UInt8(window - 1), count: 1024)
        for word in words {
            for index in 0...(window - 2) {
                let place = Self.place(word[index], word[index + 1])
                strides[place] = min(strides[place], UInt8(window - 2 - index))
            }
        }
        self.strides = strides
    }

    @inline(__always)
    private static func place(_ first: UInt8, _ second: UInt8) -> Int { Int(first & 31) << 5 | Int(second & 31) }

    /// Whether `isHit` takes one of the places at which a word may begin.
    @inline(__always)
    func contains(_ text: UnsafeRawBufferPointer, _ isHit: (Int) -> Bool) -> Bool {
        guard window >= 2 else { return false }
        return strides.withUnsafeBufferPointer { strides in
            var index = window - 2
            while index + 1 < text.count {
                let stride = Int(strides[Self.place(text[index], text[index + 1])])
                if stride == 0, isHit(index - (window - 2)) { return true }
                index += max(stride, 1)
            }
            return false
        }
    }
}
