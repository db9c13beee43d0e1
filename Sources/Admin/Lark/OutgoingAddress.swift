import Foundation
import ProxyCore

/// An absolute `http` or `https` URL from the configuration, as `OutgoingCaller` takes it.
struct OutgoingAddress: Hashable {
    let url: UpstreamURL
    /// Path and query.
    let target: String

    init?(_ text: String) {
        guard let parts = URLComponents(string: text), let host = parts.percentEncodedHost, !host.isEmpty else { return nil }
        let scheme = parts.scheme?.lowercased()
        guard scheme == "http" || scheme == "https", parts.user == nil else { return nil }
        let isTLS = scheme == "https"
        guard (1...65_535).contains(parts.port ?? 1) else { return nil }
        // Brackets belong to the address's text form, not to the address.
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        url = UpstreamURL(isTLS: isTLS, host: bare, port: parts.port ?? (isTLS ? 443 : 80), basePath: "")
        let path = parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath
        target = parts.percentEncodedQuery.map { "\(path)?\($0)" } ?? path
    }

    /// A path below this address's own.
    func target(below path: String) -> String {
        var base = target.prefix { $0 != "?" }
        while base.last == "/" { base.removeLast() }
        return base + path
    }
}
