import Basics

/// The header of the PROXY protocol, in which a balancer tells whose connection it passes on (haproxy.org, proxy-protocol.txt).
///
/// Version 1 is a line, version 2 is binary. What is not exactly as the specification has it is refused: who sends it is
/// in `trusted_proxies`, so a wrong byte is a wrong configuration and no client's matter.
struct ProxyHeader: Equatable {
    enum Source: Equatable {
        case address(AddressRange.Address)
        /// A Unix socket of the balancer's.
        case unix
        /// The balancer speaks for itself (`LOCAL`: its health checks), or does not know (`UNKNOWN`).
        case unknown
    }

    enum Outcome: Equatable {
        case incomplete
        case invalid
        case complete(ProxyHeader)
    }

    var byteCount: Int
    var source: Source

    /// The longest line of version 1, line end included.
    static let longestLine = 107
    /// The most that follows the first 16 bytes of version 2: addresses and TLVs. The specification asks for room for 520 bytes; a
    /// client certificate's names take more.
    static let longestBlock = 4096

    private static let signature: StaticString = "\r\n\r\n\0\r\nQUIT\n"
    private static let word: StaticString = "PROXY "

    static func read(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        if begins(bytes, signature) { return readBinary(bytes) }
        if begins(bytes, word) { return readLine(bytes) }
        return .invalid
    }

    /// Whether they begin alike, as far as there are bytes.
    private static func begins(_ bytes: UnsafeRawBufferPointer, _ start: StaticString) -> Bool {
        start.withUTF8Buffer { start in zip(bytes, start).allSatisfy { $0 == $1 } }
    }

    // MARK: Version 1

    private static func readLine(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        let seen = bytes.prefix(longestLine)
        guard let end = seen.firstIndex(of: UInt8(ascii: "\n")) else {
            return bytes.count < longestLine ? .incomplete : .invalid
        }
        guard end > 0, bytes[end - 1] == UInt8(ascii: "\r") else { return .invalid }
        let line = bytes[..<(end - 1)]
        guard line.allSatisfy({ (0x20..<0x7f).contains($0) }) else { return .invalid }
        let parts = String(decoding: line, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
        // What follows UNKNOWN is to be ignored.
        if parts.count >= 2, parts[1] == "UNKNOWN" { return .complete(ProxyHeader(byteCount: end + 1, source: .unknown)) }
        guard parts.count == 6, parts[1] == "TCP4" || parts[1] == "TCP6" else { return .invalid }
        let isV6 = parts[1] == "TCP6"
        guard let source = address(parts[2], isV6: isV6), address(parts[3], isV6: isV6) != nil, isPort(parts[4]),
            isPort(parts[5])
        else { return .invalid }
        return .complete(ProxyHeader(byteCount: end + 1, source: .address(source)))
    }

    private static func address(_ text: Substring, isV6: Bool) -> AddressRange.Address? {
        guard text.contains(":") == isV6 else { return nil }
        return AddressRange.Address(String(text))
    }

    private static func isPort(_ text: Substring) -> Bool {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ ASCII.isDigit($0) }) else { return false }
        return (text == "0" || text.utf8.first != 0x30) && (Int(text) ?? .max) <= 65_535
    }

    // MARK: Version 2

    private static func readBinary(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        // Each byte that is there must be right, so that nobody waits for the rest of what is wrong already.
        if bytes.count > 12 {
            guard bytes[12] == 0x20 || bytes[12] == 0x21 else { return .invalid }
        }
        if bytes.count > 13 {
            switch bytes[13] {
            case 0x00, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32: break
            default: return .invalid
            }
        }
        guard bytes.count >= 16 else { return .incomplete }
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        guard length <= longestBlock else { return .invalid }
        let isLocal = bytes[12] == 0x20
        if !isLocal, length < addressLength(bytes[13]) { return .invalid }
        guard bytes.count >= 16 + length else { return .incomplete }
        let byteCount = 16 + length
        guard !isLocal else { return .complete(ProxyHeader(byteCount: byteCount, source: .unknown)) }
        let block = UnsafeRawBufferPointer(rebasing: bytes[16..<byteCount])
        guard holdsTLVs(UnsafeRawBufferPointer(rebasing: bytes[..<byteCount])) else { return .invalid }
        let source: Source
        switch bytes[13] {
        case 0x11:
            let number = block[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            source = .address(AddressRange.Address(v4: number))
        case 0x21: source = .address(AddressRange.Address(bytes: UnsafeRawBufferPointer(rebasing: block[..<16])))
        case 0x31: source = .unix
        // Datagrams do not come over this connection, so these say nothing of it.
        default: source = .unknown
        }
        return .complete(ProxyHeader(byteCount: byteCount, source: source))
    }

    /// What the addresses of a family take.
    private static func addressLength(_ family: UInt8) -> Int {
        switch family {
        case 0x11, 0x12: 12
        case 0x21, 0x22: 36
        case 0x31, 0x32: 216
        default: 0
        }
    }

    /// A checksum of the whole header, with zeros in its own place.
    private static let checksumType: UInt8 = 0x03

    /// Whether all that follows the addresses of a header is whole: type, length, value; and the checksum is right, where there is
    /// one. Without a family the block is not to be looked at.
    private static func holdsTLVs(_ header: UnsafeRawBufferPointer) -> Bool {
        guard header[13] != 0 else { return true }
        var index = 16 + addressLength(header[13])
        while index < header.count {
            guard index + 3 <= header.count else { return false }
            let (type, start) = (header[index], index + 3)
            index = start + (Int(header[index + 1]) << 8 | Int(header[index + 2]))
            guard index <= header.count else { return false }
            guard type != checksumType || isRight(header[start..<index], of: header) else { return false }
        }
        return true
    }

    private static func isRight(_ checksum: Slice<UnsafeRawBufferPointer>, of header: UnsafeRawBufferPointer) -> Bool {
        guard checksum.count == 4 else { return false }
        var blanked = Array(header)
        for index in checksum.indices { blanked[index] = 0 }
        let told = checksum.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return blanked.withUnsafeBytes { CRC32C.checksum($0) } == told
    }
}
