/// What a certificate says of itself that NIOSSL does not tell: the names of its subject and its issuer, as they are encoded.
struct CertificateNames: Equatable {
    let issuer: [UInt8]
    let subject: [UInt8]
    /// Whether it tells where its issuer's certificate can be had (RFC 5280 §4.2.2.1): public authorities' intermediates do.
    let namesIssuersAddress: Bool

    var isSelfIssued: Bool { issuer == subject }

    /// `1.3.6.1.5.5.7.48.2`, id-ad-caIssuers, with tag and length.
    private static let caIssuers: [UInt8] = [0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02]

    /// nil when the bytes are not built like a certificate of RFC 5280 §4.1.
    init?(der: [UInt8]) {
        var outer = DERReader(der[...])
        guard var certificate = outer.enter(DERReader.sequence), var fields = certificate.enter(DERReader.sequence) else {
            return nil
        }
        if fields.peek() == DERReader.version { _ = fields.next() }
        guard fields.next(DERReader.integer) != nil, fields.next(DERReader.sequence) != nil,
            let issuer = fields.next(DERReader.sequence), fields.next(DERReader.sequence) != nil,
            let subject = fields.next(DERReader.sequence)
        else { return nil }
        self.issuer = Array(issuer)
        self.subject = Array(subject)
        let word = Self.caIssuers
        namesIssuersAddress =
            der.count >= word.count
            && (0...(der.count - word.count)).contains { der[$0] == 0x06 && der[$0..<($0 + word.count)].elementsEqual(word) }
    }
}

/// Walks the elements of DER (X.690), as far as a certificate's outline takes it.
struct DERReader {
    static let sequence: UInt8 = 0x30
    static let integer: UInt8 = 0x02
    /// `[0] EXPLICIT`.
    static let version: UInt8 = 0xA0

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    func peek() -> UInt8? { rest.first }

    /// The whole next element; nil when it is cut off, or of another tag than `tag`.
    mutating func next(_ tag: UInt8? = nil) -> ArraySlice<UInt8>? {
        guard let (header, length) = header(), tag == nil || rest.first == tag else { return nil }
        let element = rest.prefix(header + length)
        rest = rest.dropFirst(header + length)
        return element
    }

    /// A reader of the next element's content.
    mutating func enter(_ tag: UInt8) -> DERReader? {
        guard let (header, _) = header(), let element = next(tag) else { return nil }
        return DERReader(element.dropFirst(header))
    }

    /// Bytes of tag and length, and the length of the content, which is all here.
    private func header() -> (header: Int, length: Int)? {
        guard rest.count >= 2 else { return nil }
        let first = rest[rest.startIndex + 1]
        if first < 0x80 { return rest.count - 2 >= Int(first) ? (2, Int(first)) : nil }
        let count = Int(first & 0x7F)
        guard (1...4).contains(count), rest.count >= 2 + count else { return nil }
        let length = rest.dropFirst(2).prefix(count).reduce(0) { $0 << 8 | Int($1) }
        return rest.count - 2 - count >= length ? (2 + count, length) : nil
    }
}
