import Dialects
import RuleEngine

/// What proxyd answers itself, off the data path: admin API, health, metrics, model lists, Lark.
public protocol LocalService: Sendable {
    /// Whether this path is answered here; called on the event loop for every request that is no known data path.
    func serves(path: String) -> Bool
    func respond(to request: LocalRequest) async -> LocalResponse
    /// What would become of a request of the data plane, for who may look.
    func explain(_ question: LocalQuestion) async -> LocalResponse
    /// Whether a session may send a body to a path of the admin plane; called on the event loop.
    func takesBody(session: String, path: String) -> Bool
}

extension LocalService {
    public func takesBody(session: String, path: String) -> Bool { false }
    public func explain(_ question: LocalQuestion) async -> LocalResponse { LocalResponse(status: 403) }
}

/// A request of the data plane that is to be explained.
public struct LocalQuestion: Sendable {
    public var request: LocalRequest
    public var dialect: ClientDialect
    /// What rules see of it; nil where no admin key was shown that may look.
    public var facts: Facts?
    /// A client's key is shown, known or not.
    public var showsKey = false

    public init(request: LocalRequest, dialect: ClientDialect, facts: Facts?) {
        self.request = request
        self.dialect = dialect
        self.facts = facts
    }
}

/// A whole request for a local service.
public struct LocalRequest: Sendable {
    public var method: String
    /// The path as sent, still percent-encoded, without the query.
    public var path: String
    /// The query as sent, without `?`; empty when there is none.
    public var query: String
    /// Names in lower case, in the order sent.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// The client's address, textual.
    public var clientAddress: String
    public var requestID: String
    /// The data-plane key that the request shows, enabled or not; nil when it shows none or a wrong one.
    public var key: ClientKey?
    /// What the listener serves that it came in on.
    public var plane: ListenerPlane
    /// Whether it came over TLS, to here or to a trusted proxy that says so.
    public var isSecure = false

    public init(
        method: String, path: String, query: String = "", headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        clientAddress: String = "127.0.0.1", requestID: String = "", key: ClientKey? = nil, plane: ListenerPlane = .both
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.clientAddress = clientAddress
        self.requestID = requestID
        self.key = key
        self.plane = plane
    }

    /// The first field of that name (lower case).
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// A whole response of a local service.
public struct LocalResponse: Sendable {
    public var status: Int
    /// The fields but `content-length`, which is added.
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    public static func json(_ status: Int, _ text: String) -> LocalResponse {
        LocalResponse(status: status, headers: [("content-type", "application/json")], body: Array(text.utf8))
    }
}
