import Dialects
import HTTP1

/// An account's credential as it goes into the head of a request: bytes made once, or a signature of each request.
struct AccountCredential {
    private let lines: [UInt8]
    private let sign: (@Sendable (RequestToSign) -> [CredentialField])?
    private let host: String

    /// - Parameter signer: nil for an account without a key.
    init(_ signer: RequestSigner?, host: String) {
        self.host = host
        switch signer {
        case .fixed(let fields):
            lines = Self.written(fields)
            sign = nil
        case .each(let sign):
            lines = []
            self.sign = sign
        case nil:
            lines = []
            sign = nil
        }
    }

    /// The lines of one request, each with its line end. `body` is only copied for a signature.
    func lines(method: UnsafeRawBufferPointer, target: [UInt8], body: () -> [UInt8]) -> [UInt8] {
        guard let sign else { return lines }
        return Self.written(
            sign(
                RequestToSign(
                    method: String(decoding: method, as: UTF8.self), host: host, target: target, body: body(),
                    now: LoopContext.wallClock() / 1000)))
    }

    private static func written(_ fields: [CredentialField]) -> [UInt8] {
        FieldBlock(fields.map { HeaderLine(name: $0.name, value: $0.value) }).bytes
    }
}
