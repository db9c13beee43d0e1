/// One header line.
public struct HTTPField: Sendable, Hashable {
    public var known: FieldName
    /// The name as the sender wrote it.
    public var name: ByteSlice
    /// The value without the white space around it; may be empty.
    public var value: ByteSlice
}

/// How the end of a body is found (RFC 9112 §6.3).
public enum BodyFraming: Sendable, Hashable {
    /// No body follows the head.
    case none
    /// So many bytes, possibly zero.
    case length(Int)
    /// Chunks up to the last one.
    case chunked
    /// The body lasts until the sender closes; only responses end like this.
    case untilClose
}

/// What a head may take.
public struct HTTPLimits: Sendable, Hashable {
    /// Bytes of a whole head, from the first of the start line to the empty line.
    public var headBytes: Int
    /// Header lines.
    public var fieldCount: Int

    /// Offsets are 32 bits wide, so a head never has more than 1 GiB, whatever is asked for.
    public init(headBytes: Int = 32 * 1024, fieldCount: Int = 128) {
        self.headBytes = min(max(headBytes, 16), 1 << 30)
        self.fieldCount = max(fieldCount, 1)
    }
}

/// How far a parser came.
public enum HTTPParseResult: Sendable, Hashable {
    /// The head has not ended yet: call again with the same bytes and more after them.
    case incomplete
    /// The head is filled in; `byteCount` bytes are used up and the parser is ready for the next message.
    case complete
    /// These bytes are no message. Nothing after them can be trusted: answer (if there is somebody to answer) and close.
    case invalid(HTTPViolation)
}
