import Basics

/// Who may say in `X-Forwarded-For` and in PROXY headers for whom it speaks.
public struct TrustedProxies: Sendable, Hashable {
    public var ranges: [AddressRange] = []
    /// Whoever connects over a Unix socket.
    public var includesUnixSockets = false

    public init(ranges: [AddressRange] = [], includesUnixSockets: Bool = false) {
        self.ranges = ranges
        self.includesUnixSockets = includesUnixSockets
    }

    init(_ proxies: [TrustedProxy]) {
        for proxy in proxies {
            switch proxy {
            case .range(let range): ranges.append(range)
            case .unixSockets: includesUnixSockets = true
            }
        }
    }

    /// The ranges as they are written.
    public var texts: [String] { ranges.map(\.description) + (includesUnixSockets ? ["unix"] : []) }

    public var isEmpty: Bool { ranges.isEmpty && !includesUnixSockets }

    /// What there would have to be for anybody to be trusted who connects to a listener; nil where it is there.
    func lack(onUnixSocket: Bool) -> String? {
        if isEmpty { return "trusted_proxies" }
        if onUnixSocket { return includesUnixSockets ? nil : "`unix` in trusted_proxies" }
        return ranges.isEmpty ? "an address in trusted_proxies" : nil
    }

    func contains(_ address: AddressRange.Address) -> Bool { ranges.contains { $0.contains(address) } }
}

/// One entry of `trusted_proxies`.
enum TrustedProxy {
    case range(AddressRange)
    case unixSockets
}

/// `X-Forwarded-For`: each proxy writes whom it heard at the end, so it is read from there.
enum ForwardedFor {
    /// No chain of proxies has further entries.
    static let mostEntries = 64

    enum Client: Equatable {
        case address(AddressRange.Address)
        /// Nothing is said: the connection's own address counts.
        case peer
        /// Somebody is spoken for, and nobody can tell who: no address matches.
        case unknown
    }

    /// The rightmost address that is not a trusted proxy's; where all are, the one that began.
    ///
    /// - Parameter values: of all fields of that name, in the order sent.
    static func client(_ values: [String], trusted: TrustedProxies) -> Client {
        var farthest = Client.peer
        var entries = 0
        for value in values.reversed() {
            for entry in value.split(separator: ",").reversed() {
                let text = entry.drop { $0 == " " || $0 == "\t" }
                let end = text.lastIndex { $0 != " " && $0 != "\t" }
                guard let end else { continue }
                entries += 1
                // Whoever heard something that is no address cannot be asked further: what is left of it is hearsay. The proxy
                // that wrote it counts; where it is the connection itself, its own address would be a stranger's disguise.
                guard entries <= mostEntries, let address = address(text[...end]) else {
                    return farthest == .peer ? .unknown : farthest
                }
                farthest = .address(address)
                if !trusted.contains(address) { return farthest }
            }
        }
        return farthest
    }

    /// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`; a zone is not looked at.
    static func address(_ text: Substring) -> AddressRange.Address? {
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { return nil }
            let rest = text[text.index(after: close)...]
            guard rest.isEmpty || (rest.first == ":" && isPort(rest.dropFirst())) else { return nil }
            let inside = text[text.index(after: text.startIndex)..<close]
            return inside.contains(":") ? bare(inside) : nil
        }
        let colons = text.utf8.reduce(0) { $0 + ($1 == UInt8(ascii: ":") ? 1 : 0) }
        guard colons == 1, let colon = text.firstIndex(of: ":") else { return bare(text) }
        guard isPort(text[text.index(after: colon)...]) else { return nil }
        return bare(text[..<colon])
    }

    private static func bare(_ text: Substring) -> AddressRange.Address? {
        guard text.utf8.count <= 64 else { return nil }
        let address = text.prefix { $0 != "%" }
        guard address.endIndex == text.endIndex || address.contains(":") else { return nil }
        return AddressRange.Address(String(address))
    }

    private static func isPort(_ text: Substring) -> Bool {
        (1...5).contains(text.utf8.count) && text.utf8.allSatisfy { ASCII.isDigit($0) } && (Int(text) ?? .max) <= 65_535
    }
}
