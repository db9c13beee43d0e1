import Dialects
import HTTP1
import NIOCore

/// Addresses in an upstream's answers that its client is to go to next: they lead back through proxyd, where the client's key is
/// good for something.
extension Attempt {
    /// Whether the answer's body may hold one: what Anthropic's batches say of themselves.
    var mayLeadAway: Bool { request.endpoint == .other && request.path.hasPrefix("/v1/messages/batches") }

    /// Turns `results_url` of a batch, or of each of a list, to proxyd.
    func leadBack() {
        guard mayLeadAway, !traits.isCompressed, let origin = ownOrigin else { return }
        let led = body.held.withUnsafeReadableBytes { LedBack.results(in: $0, to: origin) }
        if let led { body.held = ByteBuffer(bytes: led) }
    }

    /// Where a file that was announced is to be brought: there, with a ticket in the place of the key, which no client sends again.
    func ledBack(field name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> [UInt8]? {
        guard LedBack.isUploadField(name), let key = exchange.caller?.key, let origin = ownOrigin else { return nil }
        return LedBack.upload(value, to: origin, ticket: UploadTicket.make(keyID: key.id, now: LoopContext.wallClock() / 1000))
    }

    /// proxyd's own address, as the client has written it.
    private var ownOrigin: [UInt8]? {
        request.withHead { bytes in
            guard let host = request.head.first(.host)?.bytes(in: bytes), LedBack.isAuthority(host) else { return nil }
            return Array((request.isSecure ? "https://" : "http://").utf8) + host
        }
    }
}
