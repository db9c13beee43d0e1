import Dialects
import ProxyCore

/// An error in the body shape of the client's dialect.
struct ClientError {
    let dialect: ClientDialect
    let requestID: String

    func response(
        _ errorClass: ErrorClass, _ message: String, headers: [(name: String, value: String)] = []
    ) -> LocalResponse {
        LocalResponse(
            status: errorClass.status(for: dialect),
            headers: [("content-type", "application/json")] + LocalResponse.uncached + headers,
            body: ErrorBody.bytes(
                errorClass, message: message, requestID: requestID.isEmpty ? nil : requestID, dialect: dialect))
    }
}
