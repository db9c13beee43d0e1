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

    /// Strings of a request that an error which blames it repeats, and which would take an account out if they were the vendor's: for
    /// `heard`.
    /// - Parameter request: the client's body.
    public func repeated(of request: UnsafeRawBufferPointer) -> [String] {
        guard Self.blamesRequest(readAs ?? status), !request.isEmpty else { return [] }
        switch subject {
        case .credential, .money, .limit: break
        case .model, .request, .content, nil: return []
        }
        return Self.strings(of: request, in: message.utf8.map(ASCII.lowercased), with: RefusalWords.blamesAccount) ?? [message]
    }

    /// Whether an error that blames its request speaks of exhaustion in that request's own strings alone: names of fields and of
    /// tools, addresses. A sentence that vendors are known to say is theirs.
    /// - Parameters:
    ///   - request: the client's body.
    ///   - body: the error's; empty where its message is all that is known.
    public func repeatsExhaustion(of request: UnsafeRawBufferPointer, in body: UnsafeRawBufferPointer) -> Bool {
        guard isExhausted, Self.blamesRequest(readAs ?? status), !request.isEmpty else { return false }
        let said = body.isEmpty ? message : JSONText.decode(body.slice(0..<Self.longestEcho))
        let text = said.utf8.map(ASCII.lowercased)
        guard let strings = Self.strings(of: request, in: text, with: Self.speaksOfExhaustion) else { return true }
        let own = VendorWords(message: message, [type, code, reason], client: ClientWords(strings))
        guard !strings.isEmpty, !own.says(RefusalWords.quota, about: .limit, .sentences) else { return false }
        var left = ClientWords(strings).blanked(said)
        return !left.withUTF8 { Self.speaksOfExhaustion(UnsafeRawBufferPointer($0)) }
    }

    /// The strings of a request that have certain words and stand in `text`, which is in lower case; nil where they are too many.
    private static func strings(
        of request: UnsafeRawBufferPointer, in text: [UInt8], with hasWords: (UnsafeRawBufferPointer) -> Bool
    ) -> [String]? {
        var found: Set<[UInt8]> = []
        var tried = 0
        JSONText.bytes(request).withUnsafeBytes { bytes in
            var start = 0
            while start < bytes.count, tried <= mostStrings, found.count <= mostRepeated {
                let end = bytes[start...].firstIndex(of: 0x22) ?? bytes.count
                let string = bytes.slice(start..<end)
                if string.count <= text.count, hasWords(string) {
                    tried += 1
                    let string = string.map(ASCII.lowercased)
                    if holds(text, string) { found.insert(string) }
                }
                start = end + 1
            }
        }
        guard tried <= mostStrings, found.count <= mostRepeated else { return nil }
        return found.map { String(decoding: $0, as: UTF8.self) }
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
