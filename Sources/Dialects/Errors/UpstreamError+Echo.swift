import Basics

/// Errors that repeat what was sent: a client that calls a field `quota` has used nothing up, and none that it calls `credit balance is
/// too low` has cost anybody money.
extension UpstreamError {
    /// So much of an error is compared with the request.
    private static let longestEcho = 16_384
    /// More of a request's strings, or of those that an error repeats, are not looked at.
    private static let mostStrings = 1_000
    private static let mostRepeated = 100

    /// Whether a status says that the request is bad: such an error repeats it.
    static func blamesRequest(_ status: Int) -> Bool {
        switch status {
        case 400, 404, 405, 409, 413, 415, 422: true
        default: false
        }
    }

    /// Whether it is a refusal, of the key, or of what was asked for.
    private var refuses: Bool { [401, 403].contains(readAs ?? status) }

    /// Strings of a request that an error which blames or refuses it repeats, and which would take an account out if they were the
    /// vendor's: for `heard`. Nil where they are too many to be told from the vendor's.
    public func repeated(of request: UnsafeRawBufferPointer, head: UnsafeRawBufferPointer) -> [String]? {
        guard Self.blamesRequest(readAs ?? status) || refuses else { return [] }
        switch subject {
        case .credential, .money, .limit: break
        case .model, .request, .content, nil: return []
        }
        let text = message.utf8.map(ASCII.lowercased)
        return Self.strings(of: request, head, in: text, with: RefusalWords.blamingAccount)
    }

    /// The same as far as the vendor says it: without what `names` of the client's, and strings of its request, put into its words.
    ///
    /// A refusal that says nothing is one of the credential. So it is heard without the strings only where what is left of it is
    /// about less than that: somebody who writes what vendors say must not make an honest one worse.
    public func heard(without names: [String], repeated: [String]?) -> UpstreamError {
        let heard = heard(without: names)
        guard repeated?.isEmpty != true else { return heard }
        var own = self.heard(without: names + (repeated ?? [message]))
        guard refuses else { return own }
        switch own.subject {
        case .request, .content, .model: return own
        case nil where !isVendors: return own
        case nil where repeated == nil:
            own.subject = .request
            return own
        case .credential, .money, .limit, nil: return heard
        }
    }

    /// The same of one that came when its request was here no more. What blames or refuses that may repeat any of it: then its words
    /// say nothing of the account, but for sentences that vendors are known to begin with.
    public func heardLate(without names: [String]) -> UpstreamError {
        let blames = Self.blamesRequest(readAs ?? status)
        let isSure = RefusalWords.opens(ClientWords(names).blanked(message))
        let mayRepeat =
            switch subject {
            case .credential, .money, .limit: !isSure && (blames || refuses)
            case .model, .request, .content, nil: false
            }
        var heard = heard(without: names, repeated: mayRepeat ? nil : [])
        if blames, !isSure { heard.isExhausted = false }
        return heard
    }

    /// Whether an error that blames its request speaks of exhaustion in that request's own strings alone: names of fields, tools and
    /// headers, addresses, its path. A sentence that vendors are known to say is theirs.
    /// - Parameters:
    ///   - request: the client's body.
    ///   - head: its request line and header lines.
    ///   - body: the error's; empty where its message is all that is known.
    public func repeatsExhaustion(
        of request: UnsafeRawBufferPointer, head: UnsafeRawBufferPointer, in body: UnsafeRawBufferPointer
    ) -> Bool {
        guard isExhausted, Self.blamesRequest(readAs ?? status) else { return false }
        let said = body.isEmpty ? message : JSONText.decode(body.slice(0..<Self.longestEcho))
        let text = said.utf8.map(ASCII.lowercased)
        guard let strings = Self.strings(of: request, head, in: text, with: Self.exhaustion) else { return true }
        let own = VendorWords(message: message, [type, code, reason], client: ClientWords(strings))
        guard !strings.isEmpty, !own.says(RefusalWords.quota, about: .limit, .sentences) else { return false }
        var left = ClientWords(strings).blanked(said)
        return !left.withUTF8 { Self.speaksOfExhaustion(UnsafeRawBufferPointer($0)) }
    }

    /// The strings of a request that have one of certain words and stand in `text`, which is in lower case; nil where they are too
    /// many. Words that are not in `text` are looked for nowhere, and of a request only what is around the others is looked at: it may
    /// be large.
    private static func strings(
        of request: UnsafeRawBufferPointer, _ head: UnsafeRawBufferPointer, in text: [UInt8], with words: [StaticString]
    ) -> [String]? {
        let said = text.withUnsafeBytes { text in words.filter { ByteSearch.contains($0, in: text) } }
        guard !said.isEmpty else { return [] }
        var found: Set<[UInt8]> = []
        var tried = 0
        func collect(_ bytes: UnsafeRawBufferPointer, _ word: StaticString, _ parts: (UInt8) -> Bool) {
            let length = word.utf8CodeUnitCount
            guard !word.withUTF8Buffer({ $0.contains(where: parts) }) else { return }
            var start = 0
            while tried <= mostStrings, found.count <= mostRepeated,
                let place = ByteSearch.firstIndex(of: word, in: bytes, from: start)
            {
                var (lower, upper) = (place, place + length)
                while lower > start, upper - lower <= text.count, !parts(bytes[lower - 1]) { lower -= 1 }
                while upper < bytes.count, !parts(bytes[upper]) { upper += 1 }
                start = upper
                guard upper - lower <= text.count else { continue }
                tried += 1
                let string = bytes[lower..<upper].map(ASCII.lowercased)
                if holds(text, string) { found.insert(string) }
            }
        }
        JSONText.bytes(request).withUnsafeBytes { bytes in for word in said { collect(bytes, word) { $0 == UInt8(ascii: "\"") } }
        }
        unescaped(head).withUnsafeBytes { bytes in for word in said { collect(bytes, word, partsHead) } }
        guard tried <= mostStrings, found.count <= mostRepeated else { return nil }
        return found.map { String(decoding: $0, as: UTF8.self) }
    }

    /// What parts the words of a path, of a query and of header lines.
    private static func partsHead(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...UInt8(ascii: " "), UInt8(ascii: "\""), UInt8(ascii: "&"), UInt8(ascii: ","), UInt8(ascii: "/"),
            UInt8(ascii: ":"), UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: "?"):
            true
        default: false
        }
    }

    /// Percent escapes undone.
    private static func unescaped(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "%"), index + 2 < text.count, let high = Hex.value(text[index + 1]),
                let low = Hex.value(text[index + 2])
            {
                out.append(high << 4 | low)
                index += 3
            } else {
                out.append(text[index])
                index += 1
            }
        }
        return out
    }

    private static func holds(_ text: [UInt8], _ string: [UInt8]) -> Bool {
        var start = 0
        while start + string.count <= text.count {
            if text[start..<(start + string.count)].elementsEqual(string) { return true }
            start += 1
        }
        return false
    }
}
