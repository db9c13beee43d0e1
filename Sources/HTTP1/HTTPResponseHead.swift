/// The head of a response. Slices count from the first byte that was given to the parser.
///
/// One value serves all responses of a connection, so that `fields` keeps its memory.
public struct HTTPResponseHead: Sendable {
    /// 100 to 999. Below 200 it is an interim response (but 101): the real one follows.
    public var status = 0
    /// May be empty.
    public var reason = ByteSlice.empty
    /// 0 or 1, of HTTP/1.x.
    public var minorVersion: UInt8 = 1
    public var fields: [HTTPField] = []
    public var framing = BodyFraming.none
    /// Whether the connection may carry another request once this response has ended.
    public var keepsAlive = true
    /// Bytes of the whole head, the empty line that ends it included.
    public var byteCount = 0

    /// The value of the first field of that name; nil if there is none. (`.other` finds the first name nobody knows.)
    @inlinable
    public func first(_ name: FieldName) -> ByteSlice? {
        for field in fields where field.known == name { return field.value }
        return nil
    }

    public init() {}

    public mutating func reset() {
        status = 0
        reason = .empty
        minorVersion = 1
        fields.removeAll(keepingCapacity: true)
        framing = .none
        keepsAlive = true
        byteCount = 0
    }
}
