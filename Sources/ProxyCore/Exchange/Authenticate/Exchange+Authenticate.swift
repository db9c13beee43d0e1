import Dialects
import HTTP1

/// Stage Authenticate: who asks, and may they from there.
extension Exchange {
    /// - Parameter bytes: what the head's slices count from.
    func authenticate(_ bytes: UnsafeRawBufferPointer) throws(LocalReply) {
        let presented = PresentedCredential.find(in: request.head, bytes: bytes, dialect: request.dialect)
        let isLocal = request.endpoint == .local
        if !isLocal, PresentedCredential.isAmbiguous(in: request.head, bytes: bytes) { throw Admission.twoKeys.reply }
        if !isLocal, let trial = snapshot.trial { chooseFile(trial, presented, bytes) }
        let (memory, view, now) = (request.memory, view, LoopContext.wallClock() / 1000)
        let authentication: Authentication
        if let presented, !presented.isEmpty {
            authentication = Authenticator.authenticate(
                presented, keys: loop.keys(of: view), cache: &memory.credentials, now: now)
        } else if isLocal {
            return
        } else if let holder = uploadTicketHolder(bytes, now: now) {
            authentication = holder
        } else {
            throw Admission.noKey.reply
        }
        if isLocal {
            // What is served there is asked for by key, if at all, and says itself what it thinks of one.
            caller = authentication.key.map { Caller(key: $0, policy: nil) }
            return
        }
        if case .unknown = authentication, !areKeysSeen {
            throw LocalReply(
                .overloaded, status: 503, "the keys of this cluster cannot be seen now; try again", retryAfterSeconds: 5,
                stage: .authenticate)
        }
        do throws(Admission.Refused) {
            caller = try Admission.admit(
                authentication, policy: { memory.credentials.policy(of: $0, in: view) }, address: request.client.address)
        } catch {
            caller = error.key.map { Caller(key: $0, policy: nil) }
            throw error.reply
        }
    }

    /// Who asks for what is not served: a key with limits is told of them with every answer.
    /// - Parameter bytes: as for `authenticate`.
    func recognise(_ bytes: UnsafeRawBufferPointer) {
        guard request.endpoint != .local, request.settings.plane != .admin else { return }
        try? authenticate(bytes)
    }

    /// Whether a key that is not known here is known nowhere: another node may have made it.
    private var areKeysSeen: Bool {
        loop.keys(of: view).registered.isComplete && !loop.shared.ledger.areSharedKeysUnseen
    }

    /// Whether the request goes by the file on trial: its key is of the share, or only that file has it.
    private func chooseFile(_ trial: Trial, _ presented: UnsafeRawBufferPointer?, _ bytes: UnsafeRawBufferPointer) {
        let tried = loop.view(of: trial)
        let id: String
        if let presented, !presented.isEmpty {
            if let key = request.memory.credentials.key(for: presented, in: loop.keys(of: view)) {
                id = key.id
            } else {
                // Nobody is kept waiting for a key that was just given out.
                if request.memory.credentials.key(for: presented, in: loop.keys(of: tried)) != nil { view = tried }
                return
            }
        } else if let key = uploadTicketHolder(bytes, now: LoopContext.wallClock() / 1000)?.key {
            id = key.id
        } else {
            return
        }
        if trial.share.takes(id) { view = tried }
    }

    /// The pieces of a file come to the address that its announcement was answered with, and without a key: there a ticket is. It opens
    /// nothing but what was begun: an announcement names no upload yet.
    private func uploadTicketHolder(_ bytes: UnsafeRawBufferPointer, now: Int) -> Authentication? {
        guard request.endpoint == .other, request.path.hasPrefix("/upload/"),
            let query = splitTarget(request.head.target.bytes(in: bytes)).query,
            QueryString.value(of: "upload_id", in: query).map({ !$0.isEmpty }) ?? false,
            let ticket = QueryString.value(of: UploadTicket.parameter, in: query),
            let id = UploadTicket.keyID(ticket, now: now)
        else { return nil }
        guard let key = loop.keys(of: view).key(withID: id) else { return .unknown }
        return Authenticator.judge(key, isEnabled: loop.keys(of: view).isEnabled(key), now: now)
    }
}
