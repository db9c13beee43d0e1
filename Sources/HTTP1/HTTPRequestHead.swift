/// The head of a request. It cannot be copied: many look at the one of a connection.
public struct HTTPRequestHead: ~Copyable, HTTPHead {
    /// The method, as far as it is known.
    public var method = HTTPMethod.other
    /// The method as written.
    public var methodToken = ByteSlice.empty
    /// The request target as written: origin form, absolute form, `*` or (CONNECT) an authority. Visible ASCII only.
    public var target = ByteSlice.empty
    public var minorVersion: UInt8 = 1
    public var fields: [HTTPField] = []
    /// Never `.untilClose`.
    public var framing = BodyFraming.none
    public var keepsAlive = true
    /// Whether the sender waits for `100 Continue` before it sends the body.
    public var expectsContinue = false
    /// Empty lines before the request count as well.
    public var byteCount = 0

    @inlinable
    public init() {}
}
