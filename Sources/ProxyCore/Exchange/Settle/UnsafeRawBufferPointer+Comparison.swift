#if canImport(Glibc)
import Glibc
#endif

extension UnsafeRawBufferPointer {
    /// Not in constant time.
    func hasSameBytes(as other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        guard let baseAddress, count > 0 else { return true }
        return other.withUnsafeBytes { other in
            guard let otherAddress = other.baseAddress else { return true }
            return memcmp(baseAddress, otherAddress, count) == 0
        }
    }
}
