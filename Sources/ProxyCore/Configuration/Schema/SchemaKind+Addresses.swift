extension Schema.Kind where Value == UpstreamURL {
    /// `http` or `https`, host, port and path, or `unix:` and a socket's path; no user, no query.
    static var url: Self {
        let parsed = scalar(Schema.Scalar(noun: "URL", pattern: Schema.Pattern.url, shown: Schema.Shown.url)) {
            text throws(Schema.Problem) in
            try UpstreamURL.parse(text)
        }
        return Self(shape: parsed.shape) { node, path, context in
            // A URL with a user in it holds a password.
            if case .scalar(let scalar) = node.content, scalar.text.holds("@") || scalar.text.holds("?") {
                context.hide(node)
            }
            return parsed.decode(node, path, context)
        }
    }
}

extension UpstreamURL {
    enum Form { case base, withQuery }

    static func parse(_ text: Schema.Text, _ form: Form = .base) throws(Schema.Problem) -> UpstreamURL {
        try parse(text.value, shown: text.shown, form)
    }

    /// `shown` is what messages may repeat of it.
    static func parse(_ value: String, shown: String, _ form: Form) throws(Schema.Problem) -> UpstreamURL {
        if form == .base, value.hasPrefix("unix:") { return try parse(socket: value.dropFirst(5)) }
        let isTLS = value.hasPrefix("https://")
        guard isTLS || value.hasPrefix("http://") else {
            throw Schema.Problem("a URL begins with http:// or https://")
        }
        let rest = value.dropFirst(isTLS ? 8 : 7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest.dropFirst(authority.count)
        guard !authority.holds("@") else {
            throw Schema.Problem("a URL holds no user or password; the upstream's accounts have the keys")
        }
        guard form == .withQuery || !path.holds("?"), !path.holds("#") else {
            throw Schema.Problem(
                form == .withQuery ? "a URL has no fragment here" : "an upstream's URL has no query or fragment")
        }
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Schema.Problem("the path holds a character that must be percent-encoded")
        }
        guard let (host, port) = split(authority), !host.isEmpty else { throw Schema.Problem("the URL has no host") }
        guard isHost(host) else { throw Schema.Problem("\(shown) names no valid host") }
        var number = isTLS ? 443 : 80
        if let port {
            guard let given = try? Quantity.decimal(port, places: 0), (1...65_535).contains(given) else {
                throw Schema.Problem("\(shown) has a port that is none; write 1–65535")
            }
            number = given
        }
        var base = String(path)
        while base.hasSuffix("/") { base.removeLast() }
        return UpstreamURL(isTLS: isTLS, host: host, port: number, basePath: base)
    }

    /// `/run/model.sock`, and behind a colon the path that every request's begins with: `/run/model.sock:/v1`.
    private static func parse(socket text: Substring) throws(Schema.Problem) -> UpstreamURL {
        let rest = text.hasPrefix("///") ? text.dropFirst(2) : text
        let path = rest.prefix { $0 != ":" }
        guard path.hasPrefix("/"), path.count > 1, !path.hasPrefix("//") else {
            throw Schema.Problem("a socket is written unix:/path, or unix:/path:/v1 where its paths begin with /v1")
        }
        // sockaddr_un(7) has room for 107 bytes and the zero.
        guard path.utf8.count <= 107 else { throw Schema.Problem("the socket's path is longer than the 107 bytes a socket has") }
        var base = String(rest.dropFirst(path.count + 1))
        while base.hasSuffix("/") { base.removeLast() }
        guard base.isEmpty || base.hasPrefix("/"), base.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3F && $0 != 0x23 })
        else {
            throw Schema.Problem("the path behind the socket's begins with '/', and has no query or fragment")
        }
        return UpstreamURL(isTLS: false, host: "localhost", port: 80, basePath: base, socketPath: String(path))
    }

    /// `host`, `host:port`, `[::1]:port`.
    static func split(_ authority: Substring) -> (host: String, port: Substring?)? {
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            let host = String(authority[authority.index(after: authority.startIndex)..<close])
            let rest = authority[authority.index(after: close)...]
            guard AddressRange.Address(host) != nil, host.contains(":"), rest.isEmpty || rest.hasPrefix(":") else { return nil }
            return (host, rest.isEmpty ? nil : rest.dropFirst())
        }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return (String(parts[0]), nil)
        case 2: return (String(parts[0]), parts[1])
        default: return nil
        }
    }

    private static func isHost(_ host: String) -> Bool {
        host.holds(":") || Schema.isName(host)
    }
}

extension Schema.Kind where Value == Listener {
    /// `127.0.0.1:8180`, `localhost:8180`, `:8180`, `[::]:8180`.
    static var listener: Self {
        scalar(Schema.Scalar(noun: "address to listen on", pattern: Schema.Pattern.listener, shown: Schema.Shown.listener)) {
            text throws(Schema.Problem) in
            try Listener(written: text.value, shown: text.shown)
        }
    }
}

extension Listener {
    /// - Parameter shown: what messages may repeat of it.
    init(written value: String, shown: String) throws(Schema.Problem) {
        let hint = "write 127.0.0.1:8180, localhost:8180, :8180, [::]:8180 or unix:/run/proxyd/proxyd.sock"
        if value.hasPrefix("unix:") {
            self.init(unixPath: try Self.socketPath(value, shown))
            return
        }
        guard let (name, port) = UpstreamURL.split(value[...]), !value.isEmpty else {
            throw Schema.Problem("\(shown) is not an address to listen on; \(hint)")
        }
        guard port != nil || value.utf8.contains(where: { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            throw Schema.Problem("\(shown) is only a port; \(hint)")
        }
        let host: String
        switch name {
        case "localhost": host = "127.0.0.1"
        case "", "*": host = "0.0.0.0"
        default: host = name
        }
        guard AddressRange.Address(host) != nil else {
            if port != nil, host.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
                throw Schema.Problem("\(shown) has two ports, as a container's do; write the one to listen on, as :8180")
            }
            throw Schema.Problem("\(shown) names no address of this machine; \(hint)")
        }
        guard let port else { throw Schema.Problem("\(shown) has no port; \(hint)") }
        guard let number = try? Quantity.decimal(port, places: 0), (0...65_535).contains(number) else {
            throw Schema.Problem("\(shown) has a port that is none; write 0–65535")
        }
        self.init(host: host, port: number)
    }

    /// `unix:/run/proxyd/proxyd.sock`, and `unix:///run/proxyd/proxyd.sock` as others write it.
    private static func socketPath(_ value: String, _ shown: String) throws(Schema.Problem) -> String {
        var path = value.dropFirst("unix:".count)
        if path.hasPrefix("///") { path = path.dropFirst(2) }
        guard path.hasPrefix("/"), !path.hasPrefix("//"), !path.hasSuffix("/"), !path.utf8.contains(0) else {
            throw Schema.Problem("\(shown) has no absolute path; write unix:/run/proxyd/proxyd.sock")
        }
        // sockaddr_un has room for 108 bytes, the last of them a zero.
        guard path.utf8.count <= 107 else {
            throw Schema.Problem("\(shown) is longer than the 107 bytes of a socket's path")
        }
        return String(path)
    }
}

extension Schema.Kind where Value == String {
    /// A path, or an absolute `http` or `https` URL.
    static func pathOrURL(_ noun: String) -> Self {
        scalar(Schema.Scalar(noun: noun, pattern: Schema.Pattern.pathOrURL, shown: Schema.Shown.withoutQuery)) {
            text throws(Schema.Problem) in
            guard text.value.hasPrefix("/") else {
                _ = try UpstreamURL.parse(text, .withQuery)
                return text.value
            }
            guard RequestTarget.isWritable(Array(text.value.utf8)) else {
                throw Schema.Problem("holds a character that must be percent-encoded")
            }
            return text.value
        }
    }

    /// An absolute `http` or `https` URL.
    static func webAddress(_ noun: String) -> Self {
        scalar(Schema.Scalar(noun: noun, pattern: Schema.Pattern.web, shown: Schema.Shown.withoutQuery)) {
            text throws(Schema.Problem) in
            _ = try UpstreamURL.parse(text, .withQuery)
            return text.value
        }
    }
}

extension Schema.Kind where Value == CrossOrigins {
    /// `*`, `false`, an origin or a list of them.
    static var crossOrigins: Self {
        let word = scalar(Schema.Scalar(noun: "origin", json: [.string, .boolean], pattern: Schema.Pattern.origin)) {
            text throws(Schema.Problem) in
            if text.value == "*" || text.value == "true" { return CrossOrigins.any }
            if text.value == "false" { return CrossOrigins.none }
            guard isOrigin(text.value) else {
                throw Schema.Problem("\(text.shown) is no origin; write https://app.example, '*' or false")
            }
            return CrossOrigins.only([canonical(text.value)])
        }
        return Schema.Kind<[CrossOrigins]>.oneOrList(word).map { items, _, _, _ in
            if items.contains(.any) { return CrossOrigins.any }
            let origins = items.flatMap { item in
                if case .only(let origins) = item { return origins }
                return [String]()
            }
            return origins.isEmpty ? CrossOrigins.none : CrossOrigins.only(origins)
        }
    }

    /// The origin as browsers write it: in lower case, without the port that its scheme has anyway.
    private static func canonical(_ origin: String) -> String {
        let origin = origin.lowercased()
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")] where origin.hasPrefix(scheme) && origin.hasSuffix(port)
        {
            return String(origin.dropLast(port.utf8.count))
        }
        return origin
    }

    /// Scheme, host and port as browsers write them, or `null`.
    private static func isOrigin(_ text: String) -> Bool {
        if text == "null" { return true }
        guard let mark = text.firstRange(of: "://"), mark.lowerBound > text.startIndex else { return false }
        let rest = text[mark.upperBound...]
        return !rest.isEmpty
            && rest.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"/,*@?#".utf8.contains($0) }
    }
}
