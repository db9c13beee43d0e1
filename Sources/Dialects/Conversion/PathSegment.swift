/// A name as one segment of a path (RFC 3986 §3.3), whatever it holds. The only way by which a model gets into a path.
public enum PathSegment {
    /// Unreserved characters as they are, every other byte percent-encoded.
    ///
    /// Nil for what is no segment of its own however it is written: nothing at all, and the dots that mean a step.
    public static func encoded(_ name: String) -> String? {
        guard !name.isEmpty, name != ".", name != ".." else { return nil }
        if name.utf8.allSatisfy(isUnreserved) { return name }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(name.utf8.count * 3)
        for byte in name.utf8 {
            if isUnreserved(byte) {
                bytes.append(byte)
            } else {
                bytes.append(0x25)
                bytes.append(hexDigit(byte >> 4))
                bytes.append(hexDigit(byte & 15))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Letters, digits and `-._~` (RFC 3986 §2.3).
    @inline(__always)
    public static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 &+ value : 0x41 &+ (value &- 10) }
}
