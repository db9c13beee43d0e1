#if canImport(Glibc)
import Glibc
#endif

/// A CIDR block (`10.0.0.0/8`, `::1`), or a single address.
public struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    public let description: String
    private let address: Address
    private let prefix: Int

    /// nil when the text is no address or block.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = Address(String(parts[0])) else { return nil }
        let widest = address.isV4 ? 32 : 128
        var prefix = widest
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...widest).contains(given), parts[1].allSatisfy(\.isNumber) else { return nil }
            prefix = given
        }
        description = text
        self.address = address
        self.prefix = prefix
    }

    public func contains(_ other: Address) -> Bool {
        guard address.isV4 == other.isV4 else { return false }
        let bits = address.isV4 ? prefix + 96 : prefix
        let high = bits >= 64 ? UInt64.max : bits == 0 ? 0 : ~0 << UInt64(64 - bits)
        let low = bits <= 64 ? 0 : bits == 128 ? UInt64.max : ~0 << UInt64(128 - bits)
        return (address.high ^ other.high) & high == 0 && (address.low ^ other.low) & low == 0
    }

    /// An IPv4 or IPv6 address as 128 bits; IPv4 and IPv4-mapped IPv6 are the same address.
    public struct Address: Sendable, Hashable, CustomStringConvertible {
        public let high: UInt64
        public let low: UInt64

        /// The address as people write it: `192.0.2.1`, `2001:db8::1`.
        public var description: String {
            guard !isV4 else {
                return "\(low >> 24 & 0xff).\(low >> 16 & 0xff).\(low >> 8 & 0xff).\(low & 0xff)"
            }
            var bytes = in6_addr()
            withUnsafeMutableBytes(of: &bytes) { target in
                target.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
                target.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
                guard let text = text.baseAddress, inet_ntop(AF_INET6, &bytes, text, socklen_t(INET6_ADDRSTRLEN)) != nil else {
                    return ""
                }
                return String(cString: text)
            }
        }

        public var isV4: Bool { high == 0 && low >> 32 == 0xffff }
        /// `0.0.0.0`, `::`: every address of this machine.
        var isUnspecifiedV4: Bool { high == 0 && low == 0xffff_0000_0000 }
        var isUnspecifiedV6: Bool { high == 0 && low == 0 }

        public init?(_ text: String) {
            var v4 = in_addr()
            if inet_pton(AF_INET, text, &v4) == 1 {
                self.init(v4: UInt32(bigEndian: v4.s_addr))
                return
            }
            var v6 = in6_addr()
            guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
            self = withUnsafeBytes(of: v6) { Address(bytes: $0) }
        }

        public init(v4: UInt32) {
            high = 0
            low = 0xffff_0000_0000 | UInt64(v4)
        }

        /// Sixteen bytes in network order; fewer count as zero.
        public init(bytes: UnsafeRawBufferPointer) {
            var words: (UInt64, UInt64) = (0, 0)
            for (index, byte) in bytes.prefix(16).enumerated() {
                if index < 8 {
                    words.0 |= UInt64(byte) << UInt64(56 - index * 8)
                } else {
                    words.1 |= UInt64(byte) << UInt64(120 - index * 8)
                }
            }
            (high, low) = words
        }
    }
}
