/// Why a message is refused.
public enum HTTPViolation: UInt8, Error, Sendable, Hashable, CaseIterable {
    // The start line.
    case method, target, targetTooLong, requestLine, statusLine, version
    // Header lines.
    case headTooLarge, tooManyFields, fieldName, fieldValue, foldedField, bareLineBreak
    // What they say together.
    case missingHost, repeatedHost, host
    case contentLength, repeatedContentLength, lengthAndTransferEncoding
    case transferEncoding, repeatedTransferEncoding, unknownTransferCoding, transferEncodingInHTTP10
    // Chunks.
    case chunkSize, chunkExtension, chunkEnd, trailers

    /// The status a server answers with (RFC 9110 §15.5, RFC 6585 §5); a client that meets one in a response says 502.
    public var status: Int {
        switch self {
        case .targetTooLong: 414
        case .headTooLarge, .tooManyFields: 431
        case .unknownTransferCoding: 501
        case .version: 505
        case .method, .target, .requestLine, .statusLine, .fieldName, .fieldValue, .foldedField, .bareLineBreak, .missingHost,
            .repeatedHost, .host, .contentLength, .repeatedContentLength, .lengthAndTransferEncoding, .transferEncoding,
            .repeatedTransferEncoding, .transferEncodingInHTTP10, .chunkSize, .chunkExtension, .chunkEnd, .trailers:
            400
        }
    }

    /// One sentence for logs and error bodies; never a byte of what was sent.
    public var message: String {
        switch self {
        case .method: "the request method is not a token"
        case .target: "the request target is malformed"
        case .targetTooLong: "the request line is too long"
        case .requestLine: "the request line is malformed"
        case .statusLine: "the status line is malformed"
        case .version: "only HTTP/1.1 and HTTP/1.0 are spoken here"
        case .headTooLarge: "the header section is too large"
        case .tooManyFields: "there are too many header fields"
        case .fieldName: "a header name is malformed"
        case .fieldValue: "a header value holds a control character"
        case .foldedField: "a header line is folded or begins with white space"
        case .bareLineBreak: "a line does not end with CR LF"
        case .missingHost: "the Host header is missing"
        case .repeatedHost: "the Host header is given more than once"
        case .host: "the Host header is malformed"
        case .contentLength: "the Content-Length header is malformed"
        case .repeatedContentLength: "the Content-Length header is given more than once"
        case .lengthAndTransferEncoding: "Content-Length and Transfer-Encoding are both given"
        case .transferEncoding: "the Transfer-Encoding header is malformed"
        case .repeatedTransferEncoding: "the Transfer-Encoding header is given more than once"
        case .unknownTransferCoding: "only the transfer coding chunked is understood"
        case .transferEncodingInHTTP10: "Transfer-Encoding is given in an HTTP/1.0 message"
        case .chunkSize: "a chunk size is malformed"
        case .chunkExtension: "chunk extensions are malformed or too long"
        case .chunkEnd: "a chunk does not end with CR LF"
        case .trailers: "the trailer section is malformed or too large"
        }
    }
}
