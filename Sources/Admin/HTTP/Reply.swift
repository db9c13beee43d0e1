import Dialects
import ProxyCore

extension LocalResponse {
    /// Responses of the admin plane and of health checks are never to be kept by a cache or guessed at by a browser.
    static func json(_ value: JSONValue, status: Int = 200, headers: [(name: String, value: String)] = []) -> LocalResponse {
        LocalResponse(status: status, headers: [("content-type", "application/json")] + uncached + headers, body: value.bytes)
    }

    /// What is JSON already.
    static func json(written body: [UInt8]) -> LocalResponse {
        LocalResponse(status: 200, headers: [("content-type", "application/json")] + uncached, body: body)
    }

    /// `{"error":{"type":…,"message":…}}`.
    static func failure(_ failure: AdminFailure) -> LocalResponse {
        json(
            ["error": ["type": .string(failure.kind.rawValue), "message": .string(failure.message)]],
            status: failure.kind.status, headers: failure.headers)
    }

    static func plain(_ status: Int, _ text: String, type: String = "text/plain; charset=utf-8") -> LocalResponse {
        LocalResponse(status: status, headers: [("content-type", type)] + uncached, body: Array(text.utf8))
    }

    static var uncached: [(name: String, value: String)] {
        [("cache-control", "no-store"), ("x-content-type-options", "nosniff")]
    }
}

/// Why the admin plane does not do what it was asked; the message goes to the operator.
struct AdminFailure: Error {
    var kind: Kind
    var message: String
    var headers: [(name: String, value: String)] = []

    enum Kind: String {
        case badRequest = "bad_request"
        case unauthorized
        case forbidden
        /// The key is right, and its role is not enough.
        case roleForbidden = "role_forbidden"
        case notFound = "not_found"
        case methodNotAllowed = "method_not_allowed"
        case conflict
        case tooLarge = "request_too_large"
        case tooManyRequests = "too_many_requests"
        case refused = "configuration_refused"
        case internalError = "internal_error"
        case unavailable
        case badGateway = "bad_gateway"
        case gatewayTimeout = "gateway_timeout"

        var status: Int {
            switch self {
            case .badRequest: 400
            case .unauthorized: 401
            case .forbidden, .roleForbidden: 403
            case .notFound: 404
            case .methodNotAllowed: 405
            case .conflict: 409
            case .tooLarge: 413
            case .tooManyRequests: 429
            case .refused: 422
            case .internalError: 500
            case .unavailable: 503
            case .badGateway: 502
            case .gatewayTimeout: 504
            }
        }
    }

    init(_ kind: Kind, _ message: String, headers: [(name: String, value: String)] = []) {
        self.kind = kind
        self.message = message
        self.headers = headers
    }

    static var nothingHere: AdminFailure { AdminFailure(.notFound, "there is nothing here") }

    static func methodNotAllowed(_ method: String, allowed: [String]) -> AdminFailure {
        AdminFailure(
            .methodNotAllowed, "\(method) is not possible here; \(possible(allowed))",
            headers: [("allow", allowed.joined(separator: ", "))])
    }

    /// `GET is`, `GET and HEAD are`.
    private static func possible(_ methods: [String]) -> String {
        guard let last = methods.last, methods.count > 1 else { return "\(methods.first ?? "nothing") is" }
        return "\(methods.dropLast().joined(separator: ", ")) and \(last) are"
    }
}
