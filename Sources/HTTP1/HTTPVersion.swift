/// The eight bytes that name a version.
public enum HTTPVersion {
    /// The minor version of HTTP/1.1 or HTTP/1.0, of which eight bytes are there; nil for everything else.
    @inlinable @inline(__always)
    public static func minor(_ bytes: UnsafeRawPointer) -> UInt8? {
        if ByteScan.isExactly(bytes, "HTTP/1.1") { return 1 }
        if ByteScan.isExactly(bytes, "HTTP/1.0") { return 0 }
        return nil
    }

    /// Whether the bytes name a version, but none of ours: `HTTP/2.0`.
    public static func isOther(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count == 8, let base = bytes.baseAddress, ByteScan.isExactly(base, "HTTP/") else { return false }
        guard isDigit(bytes[5]), bytes[6] == UInt8(ascii: "."), isDigit(bytes[7]) else { return false }
        return minor(base) == nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- HTTPByte.zero < 10 }
}
