import Foundation

/// What an upstream says about the proxy on the way to it.
enum ProxyChoice: Sendable {
    case direct
    case proxy(ForwardProxy)
}

extension ForwardProxy {
    /// What people write who want none.
    static func isNo(_ text: String) -> Bool { ["", "none", "false", "no", "off", "direct"].contains(text.lowercased()) }

    /// `http://[user:password@]host[:port]`. No message repeats any of it, for it may hold a password.
    static func parse(_ text: String, needsScheme: Bool) throws(Schema.Problem) -> ForwardProxy {
        var rest = text[...]
        if rest.lowercased().hasPrefix("http://") {
            rest = rest.dropFirst(7)
        } else if needsScheme || rest.contains("://") {
            throw Schema.Problem("a proxy is written http://host:port; proxies that are spoken to otherwise are not known")
        }
        while rest.hasSuffix("/") { rest.removeLast() }
        var credentials: Secret?
        if let at = rest.lastIndex(of: "@") {
            let user = String(rest[..<at])
            rest = rest[rest.index(after: at)...]
            guard let plain = user.removingPercentEncoding, !plain.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw Schema.Problem("the proxy's user or password is not percent-encoded as it should be")
            }
            let pair = plain.contains(":") ? plain : "\(plain):"
            credentials = Secret("Basic \(Data(pair.utf8).base64EncodedString())")
        }
        guard let (host, digits) = UpstreamURL.split(rest), !host.isEmpty, host.contains(":") || Schema.isName(host) else {
            throw Schema.Problem("the proxy's address names no valid host; write http://host:port")
        }
        var port = 80
        if let digits {
            guard let number = try? Quantity.decimal(digits, places: 0), (1...65_535).contains(number) else {
                throw Schema.Problem("the proxy's port is none; write 1–65535")
            }
            port = number
        }
        return ForwardProxy(host: host, port: port, credentials: credentials)
    }
}

extension Schema.Kind where Value == ForwardProxy {
    static var proxy: Self {
        hidingUsers(
            scalar(Schema.Scalar(noun: "proxy", pattern: Schema.Pattern.proxy, shown: Schema.Shown.proxy)) {
                text throws(Schema.Problem) in
                if ForwardProxy.isNo(text.value) {
                    throw Schema.Problem(
                        "a proxy is written http://host:port; no_proxy: ['*'] goes without one, whatever the environment says")
                }
                return try ForwardProxy.parse(text.escapingUser, needsScheme: true)
            })
    }
}

extension Schema.Kind where Value == String {
    /// Hosts that are reached directly; one text may name several, as in the environment.
    static var directHosts: Self {
        text("a host").map { text, node, path, context in
            for piece in ProxyRules.Exception.pieces(of: text) where ProxyRules.Exception(piece) == nil {
                context.error(at: node, path, "'\(piece)' names no host; write api.example, .example, 10.0.0.0/8 or *")
            }
            return text
        }
    }
}

extension Schema.Kind where Value == ProxyChoice {
    static var proxyChoice: Self {
        hidingUsers(
            scalar(Schema.Scalar(noun: "proxy", pattern: "none|\(Schema.Pattern.proxy)", shown: Schema.Shown.proxy)) {
                text throws(Schema.Problem) in
                if text.value == "none" { return .direct }
                if ForwardProxy.isNo(text.value) {
                    throw Schema.Problem("a proxy is written http://host:port, and that there is none: none")
                }
                return .proxy(try ForwardProxy.parse(text.escapingUser, needsScheme: true))
            })
    }
}

extension Schema.Kind {
    /// A URL with a user in it holds a password.
    fileprivate static func hidingUsers(_ kind: Self) -> Self {
        Self(shape: kind.shape) { node, path, context in
            guard case .scalar(let scalar) = node.content, let at = scalar.text.lastIndex(of: "@") else {
                return kind.decode(node, path, context)
            }
            context.hide(node)
            let value = kind.decode(node, path, context)
            let user = scalar.text[..<at].split(separator: "//").last ?? ""
            if value != nil, user.contains(":"), !context.holdsReference(node) { context.literalSecret(node, path) }
            return value
        }
    }
}
