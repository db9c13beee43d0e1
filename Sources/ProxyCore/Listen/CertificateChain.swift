import NIOSSL

/// What makes a chain less than it should be, and does not keep it from being used.
enum CertificateChain {
    static func oddities(of chain: [NIOSSLCertificate], now: Int) -> [String] {
        var oddities: [String] = []
        for (index, certificate) in chain.enumerated() {
            let which = chain.count == 1 ? "the certificate" : "certificate \(index + 1) of \(chain.count)"
            if Int(certificate.notValidAfter) < now {
                oddities.append("\(which) expired on \(day(Int(certificate.notValidAfter))): clients refuse it")
            } else if Int(certificate.notValidBefore) > now {
                oddities.append("\(which) is not valid before \(day(Int(certificate.notValidBefore))): clients refuse it")
            }
        }
        let names = chain.map { (try? $0.toDERBytes()).flatMap { CertificateNames(der: $0) } }
        for (index, pair) in zip(names, names.dropFirst()).enumerated() {
            guard let lower = pair.0, let upper = pair.1, lower.issuer != upper.subject else { continue }
            oddities.append(
                "the chain is out of order or has a gap: certificate \(index + 2) of \(chain.count) did not issue the one before it"
            )
        }
        if let last = names.last.flatMap({ $0 }), chain.count == 1, !last.isSelfIssued, last.namesIssuersAddress {
            oddities.append(
                "the intermediate certificate that issued it is missing: clients that do not fetch it refuse the chain")
        }
        return oddities
    }

    /// `2026-02-01`, of seconds since 1970.
    private static func day(_ seconds: Int) -> String {
        String(decoding: LogTimestamp.text(second: seconds, offset: 0).prefix(10), as: UTF8.self)
    }
}
