/// What the parts of one request conversion share: options, names, and the list of what was lost.
struct RequestWork {
    let options: ConversionOptions
    let client: Dialect
    let upstream: Dialect
    /// What the upstream is asked for.
    let model: String
    var names: ToolNames
    var ids: ToolIDs
    private(set) var notes: [LossyNote] = []
    /// Tools of the client's that take free text, by the client's name.
    var customTools: Set<String> = []
    /// Stop sequences that the upstream does not take and proxyd looks for itself.
    var emulatedStops: [String] = []

    init(options: ConversionOptions, client: Dialect, upstream: Dialect, model: String) {
        self.options = options
        self.client = client
        self.upstream = upstream
        self.model = model
        names = ToolNames(upstream)
        ids = ToolIDs(upstream)
    }

    /// Records that `param` was not carried as it was. In strict mode that refuses the request.
    mutating func note(_ param: String, _ action: LossyNote.Action) throws(ConversionProblem) {
        switch options.lossPolicy {
        case .strict:
            throw ConversionProblem(
                .unsupported, "\(param): cannot be carried to this upstream (\(action.rawValue))", param: param)
        case .warn, .silent:
            let note = LossyNote(param, action)
            if notes.count < 64, !notes.contains(note) { notes.append(note) }
        }
    }

    /// The problem of a request that its own format forbids.
    static func invalid(_ param: String, _ what: String) -> ConversionProblem {
        ConversionProblem(.badRequest, "\(param): \(what)", param: param)
    }

    /// The problem of a request that the target cannot serve.
    static func unsupported(_ param: String, _ what: String) -> ConversionProblem {
        ConversionProblem(.unsupported, "\(param): \(what)", param: param)
    }
}
