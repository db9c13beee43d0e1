import Dialects
import ProxyCore

/// `x-proxyd-explain: true` on a path of the data plane: the request that came is explained to whoever shows an admin key that
/// may look, in `Authorization: Bearer` or `x-admin-key`. Everybody else gets a 403, whatever else they show, and learns nothing
/// by it.
struct LiveQuestion {
    private let question: LocalQuestion
    private let gate: AdminGate

    init(_ question: LocalQuestion, gate: AdminGate) {
        self.question = question
        self.gate = gate
    }

    func answer(_ handler: ExplanationHandler, keys: any KeyAdministration) throws -> JSONValue {
        try admit(keys)
        guard let facts = question.facts else { throw Self.wanted }
        var request = DescribedRequest(facts, dialect: question.dialect, body: question.request.body)
        var caller = question.showsKey ? Rehearsal.Caller.key(nil) : .nobody
        // The registry's key: whether an operator has disabled it is remembered beside the file.
        if let key = question.request.key.flatMap({ keys.find(reference: $0.id) }) {
            caller = .key(key)
            request.take(key, handler.known.today(key.id))
        }
        return try handler.explain(request, from: caller)
    }

    private static let wanted = AdminFailure(
        .forbidden,
        "x-proxyd-explain is for admins: show an admin key as Authorization: Bearer, and the client's as x-api-key; nothing was sent"
    )

    /// What is in other fields is the client's, and no guess at an admin key; nor is a client's key in the admin's place.
    private func admit(_ keys: any KeyAdministration) throws(AdminFailure) {
        var shown = question.request
        shown.headers = shown.headers.filter { $0.name == "authorization" || $0.name == "x-admin-key" }
        let texts = AdminGate.shownKeys(shown)
        guard !texts.isEmpty, !texts.allSatisfy({ keys.find(reference: $0) != nil }) else { throw Self.wanted }
        let caller: AdminGate.Caller?
        do {
            caller = try gate.admit(shown, .look)
        } catch {
            switch error.kind {
            case .tooManyRequests: throw error
            // Who guesses is not told whether there is an admin plane here.
            default: throw Self.wanted
            }
        }
        try AdminGate.check(.look, of: caller)
    }

    /// A refusal in the words of the client's dialect.
    static func refusal(_ failure: AdminFailure, of question: LocalQuestion) -> LocalResponse {
        let errorClass: ErrorClass =
            switch failure.kind.status {
            case 400: .badRequest
            case 429: .rateLimit
            case 500...: .internalError
            default: .permission
            }
        return ClientError(dialect: question.dialect, requestID: question.request.requestID)
            .response(errorClass, failure.message, headers: failure.headers)
    }
}
