/// What the heads of requests and responses have in common. Slices count from the first byte that was given to the parser.
///
/// One value serves all messages of a connection, so that `fields` keeps its memory.
public protocol HTTPHead: ~Copyable, Sendable {
    /// 0 or 1, of HTTP/1.x.
    var minorVersion: UInt8 { get set }
    /// The header lines, in the order in which they came.
    var fields: [HTTPField] { get set }
    /// How the end of the body is found.
    var framing: BodyFraming { get set }
    /// Whether the connection lives on after this message, as far as its sender is concerned.
    var keepsAlive: Bool { get set }
    /// Bytes of the whole head, the empty line that ends it included.
    var byteCount: Int { get set }

    /// A head of which nothing has been read.
    init()
}

extension HTTPHead where Self: ~Copyable {
    /// The value of the first field of that name; nil if there is none. (`.other` finds the first name nobody knows.)
    @inlinable
    public func first(_ name: FieldName) -> ByteSlice? {
        for field in fields where field.known == name { return field.value }
        return nil
    }

    /// Makes room for the next message.
    @inlinable
    public mutating func reset() {
        var kept: [HTTPField] = []
        swap(&kept, &fields)
        kept.removeAll(keepingCapacity: true)
        self = Self()
        fields = kept
    }
}
