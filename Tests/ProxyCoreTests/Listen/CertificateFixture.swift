import Foundation

@testable import ProxyCore

/// The pairs in `Tests/Certificates`.
enum CertificateFixture {
    static func bytes(_ name: String) -> [UInt8] {
        let url = ConfigurationFixture.root.appendingPathComponent("Tests/Certificates/\(name)")
        return (try? Data(contentsOf: url)).map(Array.init) ?? []
    }

    /// The files one behind the other; what is in quotes stands for itself, with `~` for a blank.
    static func joined(_ names: String) -> [UInt8] {
        names.split(separator: " ").flatMap { name in
            name.hasPrefix("'")
                ? name.utf8.dropFirst().dropLast().map { $0 == UInt8(ascii: "~") ? UInt8(ascii: " ") : $0 } : bytes(String(name))
        }
    }
}
