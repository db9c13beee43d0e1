import Dialects
import HTTP1
import NIOCore

/// Bodies that come compressed: their codings are taken off here, so that rules, meters and converters see what the upstream will.
enum RequestCodings {
    /// So much larger than what came may a body become, beyond a first megabyte: text shrinks to a tenth, only a trap to less
    /// than a hundredth.
    private static let maximumRatio = 100

    /// What is said of a coding that is not understood, before a byte of the body is read.
    static func refusal(of coding: String) -> LocalReply {
        var reply = LocalReply(
            .unsupported, status: 415,
            "the content-encoding '\(coding)' is not understood here; send the body as gzip, as deflate or without one",
            stage: .accept)
        reply.fields = [HeaderLine(name: "accept-encoding", value: "gzip, deflate, identity")]
        return reply
    }

    /// What the body holds behind its codings.
    static func decode(_ body: ByteBuffer, _ rare: RareFields, limit bodyLimit: Int) throws(LocalReply) -> ByteBuffer {
        guard body.readableBytes > 0 else { return body }
        var body = body
        let (scaled, overflow) = body.readableBytes.multipliedReportingOverflow(by: maximumRatio)
        let limit = min(bodyLimit, max(1 << 20, overflow ? bodyLimit : scaled))
        for format in rare.codings.reversed() {
            let inflater = Inflater(format)
            var decoded = ByteBuffer()
            var failure: InflateFailure?
            body.withUnsafeReadableBytes { bytes in
                do throws(InflateFailure) {
                    try inflater.inflate(bytes, limit: limit) { decoded.writeBytes($0) }
                } catch {
                    failure = error
                }
            }
            if failure == .tooLarge {
                throw LocalReply(
                    .tooLarge, "the request body is larger than the limit of \(limit) bytes, decoded", stage: .accept)
            }
            guard failure == nil, inflater.isComplete else {
                throw LocalReply(.badRequest, "the request body is not what its content-encoding says", stage: .accept)
            }
            body = decoded
        }
        return body
    }
}
