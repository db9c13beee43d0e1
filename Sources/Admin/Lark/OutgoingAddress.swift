import ProxyCore

/// An absolute `http` or `https` URL from the configuration, as `OutgoingCaller` takes it.
struct OutgoingAddress: Hashable {
    let url: UpstreamURL
    /// Path and query.
    let target: String

    /// Nil: it is none, or names a user. What is behind a `#` is for readers.
    init?(_ text: String) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let scheme = text.firstRange(of: "://") else { return nil }
        let isTLS: Bool
        switch text[..<scheme.lowerBound].lowercased() {
        case "https": isTLS = true
        case "http": isTLS = false
        default: return nil
        }
        let rest = text[scheme.upperBound...].prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.contains("@"), let (host, port) = Self.split(authority) else { return nil }
        url = UpstreamURL(isTLS: isTLS, host: host, port: port ?? (isTLS ? 443 : 80), basePath: "")
        let behind = rest[authority.endIndex...]
        target = behind.first == "/" ? String(behind) : "/\(behind)"
    }

    /// Host and port; the brackets of an IPv6 address belong to its text, not to the address.
    private static func split(_ authority: Substring) -> (host: String, port: Int?)? {
        var host = authority
        var port: Int?
        let end = authority.first == "[" ? authority.lastIndex(of: "]") : nil
        if let colon = authority.lastIndex(of: ":"), end.map({ $0 < colon }) ?? true {
            host = authority[..<colon]
            let digits = authority[authority.index(after: colon)...]
            if !digits.isEmpty {
                guard let number = Int(digits), digits.allSatisfy(\.isNumber), (1...65_535).contains(number) else { return nil }
                port = number
            }
        }
        if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() } else if host.contains(":") { return nil }
        return host.isEmpty ? nil : (String(host), port)
    }

    /// A path below this address's own.
    func target(below path: String) -> String {
        var base = target.prefix { $0 != "?" }
        while base.last == "/" { base.removeLast() }
        return base + path
    }
}
