import HTTP1

/// Which models a body may name on a path that has no meaning of its own.
///
/// Files, batches and stored answers belong to the account. Nobody reads a `model` in a request for one of them, so it is no model
/// that is asked for: the path stays one that names none.
enum NamedModels {
    case none
    /// Those of a batch's requests.
    case ofRequests
    /// The body's own, or those of its requests.
    case any

    /// - Parameter path: without query; letters of either case are taken for the same, as some servers take them.
    init(method: HTTPMethod, path: String) {
        switch method {
        case .post, .put, .patch: break
        case .get, .head, .delete, .options, .connect, .trace, .other:
            self = .none
            return
        }
        let path = path.lowercased()
        // The path may be Azure's, or that of an upstream whose base is a version already.
        var call = path.dropFirst()
        for piece in Self.pieces where call.hasPrefix(piece) { call = call.dropFirst(piece.count) }
        if Self.batches.contains(where: { call == $0 }) {
            self = method == .post ? .ofRequests : .none
        } else if Self.works.contains(where: { call == $0 }) {
            self = .any
        } else if path.hasPrefix("/upload/") {
            self = .none
        } else {
            self = (Self.folders + Self.batches).contains { Self.isWithin($0, call) } || Self.isBelow(call) ? .none : .any
        }
    }

    /// What may stand before what is called.
    private static let pieces = ["openai/", "v1/", "v1beta/", "v1alpha/"]

    /// Where batches are handed in.
    private static let batches = ["batches", "messages/batches"]

    /// What lies in the account.
    private static let folders = [
        "files", "uploads", "vector_stores", "conversations", "assistants", "threads", "organization", "organizations",
        "projects", "containers", "evals", "skills", "sessions", "environments", "vaults", "filesearchstores", "corpora",
    ]

    /// Where something is made by a model that the body names, and what was made is below.
    private static let makers = [
        "responses", "chat/completions", "videos", "fine_tuning/jobs", "batch/jobs", "cachedcontents", "interactions",
    ]

    /// What looks like something that was made, and makes something.
    private static let works = ["responses/compact"]

    private static func isBelow(_ call: Substring) -> Bool {
        makers.contains { call.utf8.count > $0.utf8.count && isWithin($0, call) }
    }

    private static func isWithin(_ folder: String, _ call: Substring) -> Bool {
        guard call.hasPrefix(folder) else { return false }
        let next = call.utf8.dropFirst(folder.utf8.count).first
        return next == nil || next == HTTPByte.slash || next == UInt8(ascii: ":")
    }
}
