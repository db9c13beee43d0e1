import Dialects
import HTTP1
import NIOCore

/// A client's request. It belongs to its exchange: nothing of it is shared with another request of the same connection.
///
/// It cannot be copied: it is two dozen references, and every stage looks at it.
struct ClientRequest: ~Copyable {
    /// What method and target ask for.
    let call: ClientCall
    let method: HTTPMethod
    let rare: RareFields
    let client: PeerAddress
    /// The listener's, as of this request.
    let settings: ListenerSettings
    /// What the connection has learnt from the requests before.
    let memory: ClientMemory
    /// What browsers are told, where a page of another origin asks.
    var crossOrigin: CrossOrigin?
    /// A trusted proxy has sent it, whose word counts.
    var isFromProxy = false
    /// It is to be explained, and a client's key is shown beside the admin's.
    var showsKey = false

    /// Its slices count from the first byte of `headBytes`.
    var head: HTTPRequestHead
    /// Empty until the body is here: until then the head lies where it was read.
    var headBytes = ByteBuffer()
    var body = ByteBuffer()
    /// The top-level members of `body`, when it is a JSON object.
    var members: [JSONMember] = []
    /// What was found in the body.
    var content = RequestContent()
    /// Who the request is from, among those who use its key.
    var origin = RequestOrigin()

    var endpoint: Endpoint { call.endpoint }
    var dialect: ClientDialect { call.dialect }
    /// The path without the query.
    var path: String { call.path }
    var isHead: Bool { method == .head }

    func withHead<Result>(_ read: (UnsafeRawBufferPointer) -> Result) -> Result {
        headBytes.withUnsafeReadableBytes(read)
    }

    func withBody<Result>(_ read: (UnsafeRawBufferPointer) -> Result) -> Result {
        body.withUnsafeReadableBytes(read)
    }

    /// Whether the client's own connection is encrypted, as far as somebody says so who is believed: its listener, or a trusted proxy.
    var isSecure: Bool {
        if settings.tls != nil { return true }
        guard isFromProxy else { return false }
        return withHead { bytes in
            guard let said = head.first(.xForwardedProto)?.bytes(in: bytes) else { return false }
            // The first of several is that of the proxy next to the client.
            let end = said.firstIndex(of: UInt8(ascii: ",")) ?? said.count
            return equalsIgnoringCase(trimmed(UnsafeRawBufferPointer(rebasing: said[..<end])), "https")
        }
    }

    /// Frees what only further attempts would need.
    mutating func release() {
        headBytes = ByteBuffer()
        body = ByteBuffer()
        head.reset()
    }

    /// `alt=sse`: a Gemini client wants its stream as events.
    var asksForEvents: Bool { call.asksForEvents }

    /// A Gemini client that wants its stream as one array; known before its body is read.
    var wantsArray: Bool { dialect == .gemini && !asksForEvents && (content.streams || call.gemini?.streams == true) }

    /// `x-proxyd-strict: true`: the client would rather have an error than an approximation.
    var asksForStrictness: Bool {
        withHead { bytes in
            head.fields.contains { field in
                field.known == .proxyd && equalsIgnoringCase(field.name.bytes(in: bytes), "x-proxyd-strict")
                    && equalsIgnoringCase(field.value.bytes(in: bytes), "true")
            }
        }
    }

    /// Whether the path promises a model's response, so that what is none is not passed on.
    var isGenerating: Bool {
        switch endpoint {
        case .generate, .named: true
        case .countTokens, .other, .local: false
        }
    }
}

/// What the body of a request says that decides its way.
struct RequestContent {
    /// The model as asked for; `*` where the path has no model and the body neither.
    var model = "*"
    var streams = false
    /// Where the body's object is, when it is one.
    var object: Range<Int>?
    /// The body names a model, so a tier's can take its place.
    var namesModel = false
    /// What the body says of the model, if anything, is not what was asked for: the address says it.
    var isModelElsewhere = false
    /// What stands before the model's name in the body: Gemini's `models/`.
    var modelPrefix = ""
    /// No client can ask for a model of that name.
    var namesNoModel: Bool { model.utf8.count == 1 && model == "*" }
    /// Where the model is in a form.
    var form: FormModel?
    /// The models of a batch's requests.
    var batch: [BatchModel] = []
    /// Models that the body names beside its own, of which its server may take one.
    var alternates: [String] = []
    /// Where a request to be counted names its model: the path's.
    var counted: [BatchModel] = []
    /// It has an object called `thinking`.
    var thinks = false
    /// Some string in it begins as our envelopes do.
    var holdsEnvelopes = false
}

/// What one connection learns: its client shows the same key, path and model again and again.
final class ClientMemory {
    /// The last key, which need not be hashed again.
    var credentials = CredentialCache()
    private var lastCall: ClientCall?
    private var lastModel: (bytes: [UInt8], text: String) = ([], "")
    private let texts: ModelTexts

    /// - Parameter texts: the loop's.
    init(_ texts: ModelTexts) {
        self.texts = texts
    }

    /// The call that a head makes; mostly that of the request before.
    func call(_ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer, client: PeerAddress) -> ClientCall {
        if let lastCall, lastCall.matches(head, bytes: bytes) { return lastCall }
        let call = ClientCall(head, bytes: bytes, clientAddress: client.text)
        lastCall = head.target.count <= ClientCall.keptBytes ? call : nil
        return call
    }

    /// What is kept of calls holds the client's address.
    func clientChanged() { lastCall = nil }

    /// Reads a model's name from its JSON string; mostly that of the request before.
    /// - Returns: what is wrong with it; then `name` stays as it is.
    func modelName(_ bytes: UnsafeRawBufferPointer, into name: inout String?) -> String? {
        if bytes.hasSameBytes(as: lastModel.bytes), !lastModel.bytes.isEmpty {
            name = lastModel.text
            return nil
        }
        // An escape takes six bytes at most for each of a name's: what is longer need not be undone to be too long.
        guard bytes.count <= 6 * ModelName.maximumBytes + 2 else { return ModelName.tooLong }
        guard let text = JSONScan.string(of: bytes, in: 0..<bytes.count), !text.isEmpty else { return ModelName.missing }
        if let problem = ModelName.problem(text) { return problem }
        let key = Array(bytes)
        lastModel = (key, texts.shared(text, key))
        name = lastModel.text
        return nil
    }
}

@available(*, unavailable)
extension ClientMemory: Sendable {}

/// The names of models that clients of one loop write, the same name of all of them as one text: to compare it with what was kept of
/// a request before is to compare two pointers.
final class ModelTexts {
    private var texts: [[UInt8]: String] = [:]

    private static let most = 256
    /// Longer names are few, and stay apart.
    private static let longest = 128

    /// - Parameter bytes: what was written, `text` in JSON.
    func shared(_ text: String, _ bytes: [UInt8]) -> String {
        guard bytes.count <= Self.longest else { return text }
        if let known = texts[bytes] { return known }
        if texts.count >= Self.most { texts.removeAll(keepingCapacity: true) }
        texts[bytes] = text
        return text
    }
}

@available(*, unavailable)
extension ModelTexts: Sendable {}
