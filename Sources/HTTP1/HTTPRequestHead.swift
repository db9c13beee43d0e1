/// The head of a request. Slices count from the first byte that was given to the parser.
///
/// One value serves all requests of a connection, so that `fields` keeps its memory.
public struct HTTPRequestHead: Sendable {
    public var method = HTTPMethod.other
    /// The method as written.
    public var methodToken = ByteSlice.empty
    /// The request target as written: origin form, absolute form, `*` or (CONNECT) an authority. Visible ASCII only.
    public var target = ByteSlice.empty
    /// 0 or 1, of HTTP/1.x.
    public var minorVersion: UInt8 = 1
    public var fields: [HTTPField] = []
    /// Never `.untilClose`.
    public var framing = BodyFraming.none
    /// Whether the sender wants the connection to live on after this request.
    public var keepsAlive = true
    /// Whether the sender waits for `100 Continue` before it sends the body.
    public var expectsContinue = false
    /// Bytes of the whole head, empty lines before it and the one that ends it included.
    public var byteCount = 0

    /// The value of the first field of that name; nil if there is none. (`.other` finds the first name nobody knows.)
    @inlinable
    public func first(_ name: FieldName) -> ByteSlice? {
        for field in fields where field.known == name { return field.value }
        return nil
    }

    public init() {}

    public mutating func reset() {
        method = .other
        methodToken = .empty
        target = .empty
        minorVersion = 1
        fields.removeAll(keepingCapacity: true)
        framing = .none
        keepsAlive = true
        expectsContinue = false
        byteCount = 0
    }
}
