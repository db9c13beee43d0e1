#if canImport(Glibc)
import Glibc
#endif

/// Certificates, keys and authorities that a configuration names: read with it, and checked as they will be used.
enum CertificateFiles {
    /// nil after an error was reported; the paths come from `inputFile`, which has read them.
    static func credentials(
        _ certificate: String, _ key: String, _ authorities: TrustedAuthorities?, _ section: Schema.Section
    ) -> ServerCredentials? {
        let files = section.context.files
        guard case .success(let chain) = files.read(certificate), case .success(let secret) = files.read(key) else { return nil }
        do throws(ServerCredentials.Problem) {
            let credentials = try ServerCredentials(
                certificate: chain.bytes, key: secret.bytes, clientAuthorities: authorities, now: time(nil))
            for oddity in credentials.warnings { warn(oddity, section, Schema.ServerTLSKeys.certificate) }
            return credentials
        } catch {
            switch error {
            case .certificate(let message): report(message, certificate, section, Schema.ServerTLSKeys.certificate)
            case .key(let message): report(message, key, section, Schema.ServerTLSKeys.key)
            }
            return nil
        }
    }

    /// nil after an error was reported.
    static func authorities(_ path: String, _ section: Schema.Section, _ key: any Schema.AnyKey) -> TrustedAuthorities? {
        guard case .success(let content) = section.context.files.read(path) else { return nil }
        do throws(PEMProblem) {
            return try TrustedAuthorities(path: path, bytes: content.bytes)
        } catch {
            report(error.message, path, section, key)
            return nil
        }
    }

    /// Characters of a path that is told: its end says which file it is.
    private static let longestPath = 300

    private static func report(_ message: String, _ path: String, _ section: Schema.Section, _ key: any Schema.AnyKey) {
        guard let node = section.node(key) else { return }
        let name = section.context.holdsReference(node) ? "the file" : LoadContext.quoted(path, most: Self.longestPath)
        section.context.error(at: node, section.context.path(section.path, key.name), "\(name) \(message)")
    }

    private static func warn(_ message: String, _ section: Schema.Section, _ key: any Schema.AnyKey) {
        guard let node = section.node(key) else { return }
        section.context.warning(at: node, section.context.path(section.path, key.name), message)
    }
}
