#if canImport(Glibc)
import Glibc
#endif

/// The certificate authorities that the system trusts, where NIOSSL looks for them.
enum SystemAuthorities {
    private static let files = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]
    private static let directory = "/etc/ssl/certs"

    /// Whether there are any: minimal container images have none.
    static func areThere() -> Bool {
        let isFilled = files.contains { file in
            var status = stat()
            return stat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_size > 0
        }
        return isFilled || !StateFiles.names(in: directory).isEmpty
    }
}
