import Dialects
import NIOCore

/// Bodies that come compressed: taken off here, so that rules, meters and converters see what the upstream will.
extension Exchange {
    /// So much larger than what came may a body become, beyond a first megabyte: text shrinks to a tenth, only a trap to less
    /// than a hundredth.
    private static let maximumRatio = 100

    /// Refuses a coding that is not understood, before a byte of the body is read. False: refused.
    func admitsCoding() -> Bool {
        guard let coding = rare.unknownCoding else { return true }
        var refusal = Refusal(
            .unsupported, status: 415,
            "the content-encoding '\(coding)' is not understood here; send the body as gzip, as deflate or without one",
            stage: "accept")
        refusal.headers = [("accept-encoding", "gzip, deflate, identity")]
        self.refusal = refusal
        return false
    }

    /// Puts the body behind its codings in its place. False: refused.
    func decodeBody() -> Bool {
        guard !rare.codings.isEmpty, connection.body.readableBytes > 0 else { return true }
        let (scaled, overflow) = connection.body.readableBytes.multipliedReportingOverflow(by: Self.maximumRatio)
        let limit = min(bodyLimit, max(1 << 20, overflow ? bodyLimit : scaled))
        for format in rare.codings.reversed() {
            let inflater = Inflater(format)
            var decoded = ByteBuffer()
            var failure: InflateFailure?
            connection.body.withUnsafeReadableBytes { bytes in
                do throws(InflateFailure) {
                    try inflater.inflate(bytes, limit: limit) { decoded.writeBytes($0) }
                } catch {
                    failure = error
                }
            }
            if failure == .tooLarge {
                refuse(
                    Refusal(.tooLarge, "the request body is larger than the limit of \(limit) bytes, decoded", stage: "accept"))
                return false
            }
            guard failure == nil, inflater.isComplete else {
                refuse(Refusal(.badRequest, "the request body is not what its content-encoding says", stage: "accept"))
                return false
            }
            connection.replaceBody(decoded)
        }
        return true
    }
}
