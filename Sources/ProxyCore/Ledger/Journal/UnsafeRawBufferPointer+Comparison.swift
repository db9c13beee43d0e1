#if canImport(Glibc)
import Glibc
#endif

extension UnsafeRawBufferPointer {
    /// Not in constant time.
    func hasSameBytes(as other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        return other.withUnsafeBytes { hasSameBytes(as: $0) }
    }

    /// Not in constant time.
    func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard let baseAddress, let otherAddress = other.baseAddress, count > 0 else { return true }
        return memcmp(baseAddress, otherAddress, count) == 0
    }
}
