import NIOCore
import NIOSSL

/// Whether a certificate is one for the host that was asked for (RFC 9525 §6).
///
/// A name is matched by a DNS name alone and an address by an address alone, as the configuration writes the host: who can
/// answer for a name's address must not get by with a certificate for that address. The common name says nothing.
enum UpstreamIdentity {
    /// The certificate is another host's.
    struct Mismatch: Error {}

    static func matches(_ certificate: NIOSSLCertificate, host: String) -> Bool {
        let address = AddressRange.Address(host)
        for name in certificate._subjectAlternativeNames() {
            switch name.nameType {
            case .dnsName:
                guard address == nil else { continue }
                if DNSName.matches(pattern: Array(name.contents), host: Array(host.utf8)) { return true }
            case .ipAddress:
                guard let address else { continue }
                if Self.address(Array(name.contents)) == address { return true }
            default: continue
            }
        }
        return false
    }

    private static func address(_ octets: [UInt8]) -> AddressRange.Address? {
        switch octets.count {
        case 4: AddressRange.Address(v4: octets.reduce(0) { $0 << 8 | UInt32($1) })
        case 16: octets.withUnsafeBytes { AddressRange.Address(bytes: $0) }
        default: nil
        }
    }
}

/// Comparing a DNS name with one that a certificate presents (RFC 9525 §6.3).
enum DNSName {
    /// A `*` stands for one whole label, the first, with at least two behind it; letters count without their case.
    static func matches(pattern: [UInt8], host: [UInt8]) -> Bool {
        let pattern = labels(pattern)
        let host = labels(host)
        guard pattern.count == host.count, let first = pattern.first, let hostFirst = host.first else { return false }
        // An empty label is no name; a zero byte would end a C string early.
        guard !host.contains([]), pattern.allSatisfy({ !$0.isEmpty && !$0.contains(0) }) else { return false }
        guard pattern.dropFirst() == host.dropFirst() else { return false }
        if first == [UInt8(ascii: "*")] { return pattern.count >= 3 && !hostFirst.isEmpty }
        return first == hostFirst
    }

    /// The labels in lower case; the dot of the root does not count.
    private static func labels(_ name: [UInt8]) -> [[UInt8]] {
        let bare = name.last == UInt8(ascii: ".") ? name.dropLast() : name[...]
        return bare.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map { label in
            label.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
        }
    }
}
