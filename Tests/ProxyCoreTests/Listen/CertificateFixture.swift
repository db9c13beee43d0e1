import Foundation

@testable import ProxyCore

/// The pairs in `Tests/Certificates`.
enum CertificateFixture {
    static func bytes(_ name: String) -> [UInt8] {
        let url = ConfigurationFixture.root.appendingPathComponent("Tests/Certificates/\(name)")
        return (try? Data(contentsOf: url)).map(Array.init) ?? []
    }

    /// The files one behind the other; a name in quotes stands for itself.
    static func joined(_ names: String) -> [UInt8] {
        names.split(separator: " ").flatMap { name in
            name.hasPrefix("'") ? Array(name.utf8.dropFirst().dropLast()) : bytes(String(name))
        }
    }
}
