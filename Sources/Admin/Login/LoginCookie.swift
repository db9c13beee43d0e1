import ProxyCore

/// Cookies of the admin plane: no script reads them, no other site's page sends them along, and none goes over plain HTTP that was
/// given over TLS.
enum LoginCookie {
    /// Who follows a link from elsewhere is still sent along: needed where an issuer sends the browser back.
    enum SameSite: String {
        case lax = "Lax"
        case strict = "Strict"
    }

    /// The cookie of a login under way.
    static let login = "proxyd_login"

    static func set(
        _ name: String, _ value: String, seconds: Int, _ sameSite: SameSite, isSecure: Bool
    ) -> (name: String, value: String) {
        let secure = isSecure ? "; Secure" : ""
        return (
            "set-cookie", "\(name)=\(value); Path=/admin; Max-Age=\(seconds); HttpOnly; SameSite=\(sameSite.rawValue)\(secure)"
        )
    }

    static func clear(_ name: String, isSecure: Bool) -> (name: String, value: String) {
        set(name, "", seconds: 0, .strict, isSecure: isSecure)
    }
}

extension LocalRequest {
    /// The first cookie of that name.
    func cookie(_ name: String) -> String? {
        for field in headers where field.name == "cookie" {
            if let value = Cookies.value(of: name, in: field.value) { return value }
        }
        return nil
    }

    /// Whether a page of this very origin asks, as browsers say of every call that changes something: by `Sec-Fetch-Site`, and those
    /// that do not know it, or are asked over plain HTTP, by `Origin`.
    var isOfOwnOrigin: Bool {
        if let site = header("sec-fetch-site") { return site == "same-origin" }
        guard let origin = header("origin"), let host = header("host"), let mark = origin.firstRange(of: "://") else {
            return false
        }
        let scheme = origin[..<mark.lowerBound].lowercased()
        guard scheme == "https" || (scheme == "http" && !isSecure) else { return false }
        let port = scheme == "https" ? ":443" : ":80"
        func canonical(_ authority: some StringProtocol) -> String {
            let text = authority.lowercased()
            return text.hasSuffix(port) ? String(text.dropLast(port.utf8.count)) : text
        }
        return canonical(origin[mark.upperBound...]) == canonical(host)
    }

    /// Whether a browser says that a page of somebody else's asks.
    var isOfOtherOrigin: Bool { (header("sec-fetch-site") != nil || header("origin") != nil) && !isOfOwnOrigin }
}
