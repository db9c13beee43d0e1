import Dialects

/// Stage Authenticate: who asks, and may they from there.
extension Exchange {
    /// - Parameter bytes: what the head's slices count from.
    func authenticate(_ bytes: UnsafeRawBufferPointer) throws(LocalReply) {
        let presented = PresentedCredential.find(in: request.head, bytes: bytes, dialect: request.dialect)
        let isLocal = request.endpoint == .local
        guard let presented, !presented.isEmpty else {
            if isLocal { return }
            throw Admission.noKey.reply
        }
        let (memory, view) = (request.memory, view)
        let authentication = Authenticator.authenticate(
            presented, keys: loop.keys(of: view), cache: &memory.credentials, now: LoopContext.wallClock() / 1000)
        if isLocal {
            // What is served there is asked for by key, if at all, and says itself what it thinks of one.
            caller = authentication.key.map { Caller(key: $0, policy: nil) }
            return
        }
        do throws(Admission.Refused) {
            caller = try Admission.admit(
                authentication, policy: { memory.credentials.policy(of: $0, in: view) }, address: request.client.address)
        } catch {
            caller = error.key.map { Caller(key: $0, policy: nil) }
            throw error.reply
        }
    }
}
