/// A request method. Methods are case-sensitive (RFC 9110 §9.1): `get` is `.other`.
public enum HTTPMethod: UInt8, Sendable, Hashable, CaseIterable {
    case get, head, post, put, delete, options, patch, connect, trace, other

    /// The method as it is written on the wire; empty for `.other`, whose text only the head knows.
    public var text: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .patch: "PATCH"
        case .connect: "CONNECT"
        case .trace: "TRACE"
        case .other: ""
        }
    }

    @inlinable @inline(__always)
    public init(_ token: UnsafeRawPointer, count: Int) {
        switch count {
        case 3 where ByteScan.isExactly(token, "GET"): self = .get
        case 3 where ByteScan.isExactly(token, "PUT"): self = .put
        case 4 where ByteScan.isExactly(token, "POST"): self = .post
        case 4 where ByteScan.isExactly(token, "HEAD"): self = .head
        case 5 where ByteScan.isExactly(token, "PATCH"): self = .patch
        case 5 where ByteScan.isExactly(token, "TRACE"): self = .trace
        case 6 where ByteScan.isExactly(token, "DELETE"): self = .delete
        case 7 where ByteScan.isExactly(token, "OPTIONS"): self = .options
        case 7 where ByteScan.isExactly(token, "CONNECT"): self = .connect
        default: self = .other
        }
    }
}
