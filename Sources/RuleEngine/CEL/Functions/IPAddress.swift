import Basics

/// An IPv4 or IPv6 address. IPv4 is held as its IPv4-mapped form, `::ffff:a.b.c.d`, and a flag.
struct IPAddress: Sendable, Hashable {
    let high: UInt64
    let low: UInt64
    let isV4: Bool

    private static let mappedPrefix: UInt64 = 0xFFFF_0000_0000

    init(high: UInt64, low: UInt64, isV4: Bool) {
        (self.high, self.low, self.isV4) = (high, low, isV4)
    }

    /// nil when `text` is no address. No zones; an IPv4 tail only with `allowsMapped`, as sockets of both families show peers.
    init?(_ text: String, allowsMapped: Bool = false) {
        guard text.utf8.count <= 45 else { return nil }
        if let v4 = IPAddress.parseV4(text.utf8) {
            self.init(high: 0, low: IPAddress.mappedPrefix | UInt64(v4), isV4: true)
            return
        }
        let bytes = Array(text.utf8)
        guard let groups = IPAddress.parseV6(bytes, allowsMapped: allowsMapped) else { return nil }
        let high = groups[..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        let low = groups[4...].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        self.init(high: high, low: low, isV4: false)
    }

    /// Four decimal numbers without leading zeros.
    private static func parseV4(_ bytes: some Sequence<UInt8>) -> UInt32? {
        var (value, octet, digits, dots): (UInt32, UInt32, Int, Int) = (0, 0, 0, 0)
        for byte in bytes {
            if byte == ascii(".") {
                guard digits > 0, dots < 3 else { return nil }
                (value, octet, digits, dots) = (value << 8 | octet, 0, 0, dots + 1)
            } else {
                guard byte.isDigit, digits == 0 || octet > 0 else { return nil }
                octet = octet * 10 + UInt32(byte - 0x30)
                digits += 1
                guard octet <= 255 else { return nil }
            }
        }
        return dots == 3 && digits > 0 ? value << 8 | octet : nil
    }

    /// Eight groups. `::` stands for one group of zeros or more, once.
    private static func parseV6(_ bytes: [UInt8], allowsMapped: Bool) -> [UInt16]? {
        var (front, back): ([UInt16], [UInt16]) = ([], [])
        var isPastGap = false
        var position = 0
        if bytes.starts(with: [ascii(":"), ascii(":")]) {
            isPastGap = true
            position = 2
        }
        while position < bytes.count {
            let piece = bytes[position...].prefix { $0 != ascii(":") }
            position += piece.count
            var groups: [UInt16] = []
            if piece.contains(ascii(".")) {
                guard allowsMapped, position == bytes.count, let v4 = parseV4(piece) else { return nil }
                groups = [UInt16(truncatingIfNeeded: v4 >> 16), UInt16(truncatingIfNeeded: v4)]
            } else {
                guard (1...4).contains(piece.count), piece.allSatisfy(\.isHexDigit),
                    let group = UInt16(String(decoding: piece, as: UTF8.self), radix: 16)
                else { return nil }
                groups = [group]
            }
            if isPastGap { back += groups } else { front += groups }
            guard position < bytes.count else { break }
            position += 1
            guard position < bytes.count else { return nil }
            if bytes[position] == ascii(":") {
                guard !isPastGap else { return nil }
                isPastGap = true
                position += 1
            }
        }
        let missing = 8 - front.count - back.count
        guard isPastGap ? missing >= 1 : missing == 0 else { return nil }
        return front + Array(repeating: 0, count: missing) + back
    }

    /// The same address as IPv4 when it is an IPv4-mapped one.
    var unmapped: IPAddress {
        high == 0 && low >> 32 == 0xFFFF ? IPAddress(high: high, low: low, isV4: true) : self
    }

    /// Bits of an address of its family.
    var width: Int { isV4 ? 32 : 128 }

    /// Canonical: lower case, the longest run of zeros shortened (RFC 5952).
    var text: String {
        if isV4 { return [24, 16, 8, 0].map { String(low >> UInt64($0) & 0xFF) }.joined(separator: ".") }
        let groups: [UInt64] = (0..<8).map { index in
            let half = index < 4 ? high : low
            return half >> UInt64(48 - 16 * (index % 4)) & 0xFFFF
        }
        var best = 0..<0
        var index = 0
        while index < 8 {
            let run = groups[index...].prefix { $0 == 0 }.count
            if run > best.count { best = index..<(index + run) }
            index += max(run, 1)
        }
        let parts = groups.map { String($0, radix: 16) }
        guard best.count > 1 else { return parts.joined(separator: ":") }
        return parts[..<best.lowerBound].joined(separator: ":") + "::" + parts[best.upperBound...].joined(separator: ":")
    }

    // MARK: What kind of address it is

    private var v4: UInt32 { UInt32(truncatingIfNeeded: low) }
    private var isMulticast: Bool { isV4 ? v4 >> 28 == 0xE : high >> 56 == 0xFF }

    var isUnspecified: Bool { isV4 ? v4 == 0 : high == 0 && low == 0 }
    var isLoopback: Bool { isV4 ? v4 >> 24 == 127 : high == 0 && low == 1 }
    var isLinkLocalUnicast: Bool { isV4 ? v4 >> 16 == 0xA9FE : high >> 54 == 0x3FA }
    /// 224.0.0.0/24, ff02::/16.
    var isLinkLocalMulticast: Bool { isV4 ? v4 >> 8 == 0xE00000 : high >> 48 & 0xFF0F == 0xFF02 }

    var isGlobalUnicast: Bool {
        !isUnspecified && !isLoopback && !isMulticast && !isLinkLocalUnicast && !(isV4 && v4 == .max)
    }
}

/// An address and how many of its bits name the network.
struct IPNetwork: Sendable, Hashable {
    let address: IPAddress
    let prefixLength: Int

    init(address: IPAddress, prefixLength: Int) {
        (self.address, self.prefixLength) = (address, prefixLength)
    }

    init?(_ text: String) {
        guard text.utf8.count <= 49 else { return nil }
        let parts = text.utf8.split(separator: ascii("/"), omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(String(decoding: Array(parts[0]), as: UTF8.self)),
            (1...3).contains(parts[1].count), parts[1].allSatisfy(\.isDigit), parts[1].count == 1 || parts[1].first != ascii("0"),
            let length = Int(String(decoding: Array(parts[1]), as: UTF8.self)), length <= address.width
        else { return nil }
        self.init(address: address, prefixLength: length)
    }

    var text: String { "\(address.text)/\(prefixLength)" }

    /// The network with every bit outside the prefix cleared.
    var masked: IPNetwork { IPNetwork(address: mask(address), prefixLength: prefixLength) }

    private func mask(_ address: IPAddress) -> IPAddress {
        let bits = prefixLength + (address.isV4 ? 96 : 0)
        // Shifting by the whole width gives zero, as a prefix of no bits wants it.
        let high = bits >= 64 ? UInt64.max : ~(UInt64.max >> UInt64(bits))
        let low = bits <= 64 ? 0 : bits >= 128 ? UInt64.max : ~(UInt64.max >> UInt64(bits - 64))
        return IPAddress(high: address.high & high, low: address.low & low, isV4: address.isV4)
    }

    func contains(_ other: IPAddress) -> Bool {
        let other = address.isV4 ? other.unmapped : other
        return other.isV4 == address.isV4 && mask(other) == mask(address)
    }

    func contains(_ other: IPNetwork) -> Bool {
        other.address.isV4 == address.isV4 && other.prefixLength >= prefixLength && mask(other.address) == mask(address)
    }
}
