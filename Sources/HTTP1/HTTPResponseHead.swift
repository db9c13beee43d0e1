/// The head of a response.
public struct HTTPResponseHead: HTTPHead {
    /// 100 to 999. Below 200 it is an interim response (but 101): the real one follows.
    public var status = 0
    /// May be empty.
    public var reason = ByteSlice.empty
    public var minorVersion: UInt8 = 1
    public var fields: [HTTPField] = []
    public var framing = BodyFraming.none
    public var keepsAlive = true
    public var byteCount = 0

    @inlinable
    public init() {}
}
