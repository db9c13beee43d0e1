import Basics

/// Whether `bytes` are a host with an optional port, as the Host header and absolute targets hold it (RFC 3986 §3.2).
///
/// User information is refused, as RFC 9110 §4.2.4 asks. A comma is, too, though the grammar has it: it is what two Host
/// headers look like once somebody has joined them. The host must not be empty, for `http` and `https` have no such URI.
public func isAuthority(_ bytes: UnsafeRawBufferPointer, portRequired: Bool = false) -> Bool {
    let hostEnd = bytes.first == HTTPByte.openBracket ? endOfBracketedAddress(bytes) : endOfName(bytes)
    guard let hostEnd, hostEnd > 0 else { return false }
    if hostEnd == bytes.count { return !portRequired }
    guard bytes[hostEnd] == HTTPByte.colon else { return false }
    let port = UnsafeRawBufferPointer(rebasing: bytes[(hostEnd + 1)...])
    if port.isEmpty { return !portRequired }
    guard port.count <= 5, let number = parseDecimal(port) else { return false }
    return number <= 65535
}

/// Where the registered name or IPv4 address at the beginning ends; nil if a percent sign has no two hex digits.
private func endOfName(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var index = 0
    while index < bytes.count {
        let byte = bytes[index]
        if isNameCharacter(byte) {
            index &+= 1
        } else if byte == HTTPByte.percent {
            guard index + 2 < bytes.count, Hex.value(bytes[index + 1]) != nil, Hex.value(bytes[index + 2]) != nil
            else { return nil }
            index &+= 3
        } else {
            break
        }
    }
    return index
}

/// Where `[...]` ends; nil if it is not closed, is empty, or holds what no IPv6 or later address does.
private func endOfBracketedAddress(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let close = bytes.firstIndex(of: HTTPByte.closeBracket), close > 1 else { return nil }
    let isFuture = bytes[1] | 0x20 == UInt8(ascii: "v")
    for byte in bytes[1..<close] {
        let isAddress = Hex.value(byte) != nil || byte == HTTPByte.colon || byte == UInt8(ascii: ".")
        guard isAddress || (isFuture && isNameCharacter(byte)) else { return nil }
    }
    return close + 1
}

/// `unreserved` and `sub-delims` without the comma.
@inline(__always)
private func isNameCharacter(_ byte: UInt8) -> Bool {
    // One bit per character: ! $ & ' ( ) * + - . 0-9 ; =, then A-Z _ a-z ~
    let low: UInt64 = 0x2bff_6fd2_0000_0000
    let high: UInt64 = 0x47ff_fffe_87ff_fffe
    guard byte < 0x80 else { return false }
    return ((byte < 0x40 ? low : high) &>> UInt64(byte & 0x3f)) & 1 == 1
}
