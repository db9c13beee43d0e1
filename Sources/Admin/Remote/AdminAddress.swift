import ProxyCore

/// Where a running proxyd takes admin calls, read from its file.
public enum AdminAddress {
    /// nil where the file has no admin plane, or a port that only the system knows.
    public static func find(in configuration: Configuration) -> String? {
        guard let admin = configuration.admin else { return nil }
        let listener = admin.listener ?? configuration.listeners.first { $0.unixPath != nil || $0.port != 0 }
        guard let listener else { return nil }
        if let path = listener.unixPath { return "unix:\(path)" }
        guard listener.port != 0 else { return nil }
        // What listens everywhere listens here too.
        let host = ["0.0.0.0", "::"].contains(listener.host) ? "127.0.0.1" : listener.host
        let scheme = listener.tls == nil ? "http" : "https"
        return "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(listener.port)"
    }

    /// A key of the file that may do everything.
    public static func key(in configuration: Configuration) -> Secret? {
        configuration.admin?.keys.first { $0.role == .admin }?.key
    }
}
