import HTTP1
import NIOCore
import RuleEngine

/// `x-proxyd-explain: true` beside an admin key: what would become of this very request is told, and nothing is sent, counted or
/// booked.
///
/// The admin key is in `Authorization: Bearer` or `x-admin-key`, the client's where its client puts it otherwise. Without an
/// admin key that may look the request is refused: who asks what would happen must not find that it has.
extension Exchange {
    /// Whether the client asks what would become of its request; on paths of the data plane, elsewhere the field says nothing.
    var asksForExplanation: Bool { request.rare.wantsExplanation && request.endpoint != .local }

    /// Stage Authenticate refuses nobody here: that a key is not known is what is to be told.
    func questionArrived(_ bytes: UnsafeRawBufferPointer) throws(LocalReply) -> HeadVerdict {
        // Nothing is kept of a stranger's body. Whether it is one, the service says, which counts guesses.
        guard showsAdminKey(bytes) else { return .serve }
        let presented = PresentedCredential.besideAdmin(in: request.head, bytes: bytes, dialect: request.dialect)
        if let presented, !presented.isEmpty {
            let found = Authenticator.authenticate(
                presented, keys: loop.keys(of: view), cache: &request.memory.credentials, now: LoopContext.wallClock() / 1000)
            caller = found.key.map { Caller(key: $0, policy: nil) }
            request.showsKey = true
        }
        if let coding = request.rare.unknownCoding { throw RequestCodings.refusal(of: coding) }
        return .takeBody
    }

    /// - Parameter facts: what rules see of the request; nil where nobody may ask.
    func explain(_ facts: Facts?) {
        guard let service = loop.shared.local.withLock({ $0 }) else {
            return reply(LocalReply(.permission, "nobody explains requests here", stage: .accept))
        }
        var question = LocalQuestion(request: makeLocalRequest(), dialect: request.dialect, facts: facts)
        question.showsKey = request.showsKey
        let exchange = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let eventLoop = loop.eventLoop
        Task { [question] in
            let response = await service.explain(question)
            eventLoop.execute { exchange.value.answerLocally(response) }
        }
    }
}
