import Dialects

/// Where a batch's requests name their models. Read strictly: readers that ignore case take `Params` for `params`.
enum BatchReader {
    struct Malformed: Error, Equatable {
        var message: String

        init(_ message: String) { self.message = message }
    }

    /// Every model of `requests[]`: in `params`, in `body`, or beside them.
    ///
    /// - Parameter isMessages: whether each request must have its model in `params` (Anthropic's batches).
    static func models(
        in bytes: UnsafeRawBufferPointer, _ members: [JSONMember], isMessages: Bool
    ) throws(Malformed) -> [BatchModel] {
        guard let requests = try member("requests", of: members, in: bytes) else { return [] }
        guard requests.kind == .array else {
            if isMessages { throw Malformed("'requests' must be a list") }
            return []
        }
        var models: [BatchModel] = []
        var inner: [JSONMember] = []
        do throws(JSONScan.Problem) {
            var elements: [JSONElement] = []
            try JSONScan.elements(of: bytes, in: requests.value, into: &elements)
            for element in elements where element.kind == .object {
                try JSONScan.members(of: bytes, in: element.value, into: &inner)
                let before = models.count
                try collect(inner, in: bytes, into: &models, isMessages: isMessages)
                if isMessages, !models[before...].contains(where: \.isNamed) {
                    models.append(BatchModel(fault: "each request of the batch must name its model in 'params'"))
                }
            }
        } catch {
            throw Malformed(error.description)
        }
        if let fault = models.lazy.compactMap(\.fault).first { throw Malformed(fault) }
        return models
    }

    /// Every model of a Gemini batch: the one that it names itself, and those of the requests that lie within it; a request that wants
    /// an answer is listed without a name, too.
    static func geminiModels(in bytes: UnsafeRawBufferPointer, _ members: [JSONMember]) throws(Malformed) -> [BatchModel] {
        var models: [BatchModel] = []
        do throws(JSONScan.Problem) {
            try descend(members, of: 0..<bytes.count, in: bytes, step: 0, into: &models)
        } catch {
            throw Malformed(error.description)
        }
        if let fault = models.lazy.compactMap(\.fault).first { throw Malformed(fault) }
        return models
    }

    /// The way to a request within a Gemini batch, by all names that Google takes; `lower` is the name in lower case.
    private static let way: [[(lower: StaticString, name: StaticString)]] = [
        [("batch", "batch")], [("inputconfig", "inputConfig"), ("input_config", "input_config")], [("requests", "requests")],
        [("requests", "requests")], [("request", "request")],
    ]

    private static func descend(
        _ members: [JSONMember], of object: Range<Int>, in bytes: UnsafeRawBufferPointer, step: Int,
        into models: inout [BatchModel]
    ) throws(JSONScan.Problem) {
        if step == 1 { append(members, in: bytes, to: &models) }
        guard step < way.count else { return appendRequest(members, object, in: bytes, to: &models) }
        for member in members {
            guard let known = way[step].first(where: { member.names($0.lower, in: bytes) }) else { continue }
            guard member.key(equals: known.name, in: bytes) else {
                models.append(BatchModel(fault: "the batch has '\(known.name)' in other letters"))
                continue
            }
            var objects: [Range<Int>] = []
            if member.kind == .object {
                objects = [member.value]
            } else if member.kind == .array {
                var elements: [JSONElement] = []
                try JSONScan.elements(of: bytes, in: member.value, into: &elements)
                objects = elements.filter { $0.kind == .object }.map(\.value)
            }
            var inner: [JSONMember] = []
            for object in objects {
                try JSONScan.members(of: bytes, in: object, into: &inner)
                try descend(inner, of: object, in: bytes, step: step + 1, into: &models)
            }
        }
    }

    private static func appendRequest(
        _ members: [JSONMember], _ object: Range<Int>, in bytes: UnsafeRawBufferPointer, to models: inout [BatchModel]
    ) {
        let before = models.count
        append(members, in: bytes, to: &models)
        guard members.contains(where: { $0.key(equals: "contents", in: bytes) }) else { return }
        if models.count == before { models.append(BatchModel()) }
        models[models.count - 1].input = TokenEstimate.tokens(body: bytes, members: members, dialect: .gemini)
        models[models.count - 1].allowance = OutputAllowance(body: bytes, members: members)
        models[models.count - 1].holder = (object, .gemini)
    }

    private static func collect(
        _ members: [JSONMember], in bytes: UnsafeRawBufferPointer, into models: inout [BatchModel], isMessages: Bool
    ) throws(JSONScan.Problem) {
        for holder in [StaticString("params"), "body"] {
            for found in members where found.names(holder, in: bytes) {
                guard found.key(equals: holder, in: bytes) else {
                    models.append(BatchModel(fault: "a request of the batch has '\(holder)' in other letters"))
                    continue
                }
                guard found.kind == .object else { continue }
                var inner: [JSONMember] = []
                try JSONScan.members(of: bytes, in: found.value, into: &inner)
                let before = models.count
                append(inner, in: bytes, to: &models)
                guard models.count > before else { continue }
                defer { appendAlternates(inner, in: bytes, to: &models) }
                models[models.count - 1].input = TokenEstimate.tokens(
                    body: bytes, members: inner, dialect: isMessages ? .anthropic : .openai)
                models[models.count - 1].allowance = OutputAllowance(body: bytes, members: inner)
                let isResponses = inner.contains { $0.key(equals: "input", in: bytes) }
                models[models.count - 1].holder = (found.value, isMessages ? .messages : isResponses ? .responses : .chat)
            }
        }
        // Google's batches have it beside the content.
        if !isMessages { append(members, in: bytes, to: &models) }
    }

    private static func append(_ members: [JSONMember], in bytes: UnsafeRawBufferPointer, to models: inout [BatchModel]) {
        for member in members where member.names("model", in: bytes) {
            guard member.key(equals: "model", in: bytes) else {
                models.append(BatchModel(fault: "a request of the batch names 'model' in other letters"))
                continue
            }
            guard member.kind == .string, let name = JSONScan.string(of: bytes, in: member.value), !name.isEmpty else {
                models.append(BatchModel(fault: "'model' of a request of the batch must be a string that is not empty"))
                continue
            }
            models.append(BatchModel(name: name, range: member.value, fault: ModelName.problem(name)))
        }
    }

    /// The models that a request names beside its own, for which it has no place of its own in the batch.
    private static func appendAlternates(
        _ members: [JSONMember], in bytes: UnsafeRawBufferPointer, to models: inout [BatchModel]
    ) {
        for member in members where member.kind == .array && ClientRequest.holdsAlternates(member, in: bytes) {
            do throws(LocalReply) {
                models += try ClientRequest.alternates(of: member.value, in: bytes).map { BatchModel(name: $0) }
            } catch {
                models.append(BatchModel(fault: error.message))
            }
        }
    }

    private static func member(
        _ name: StaticString, of members: [JSONMember], in bytes: UnsafeRawBufferPointer
    ) throws(Malformed) -> JSONMember? {
        var found: JSONMember?
        for member in members where member.names(name, in: bytes) {
            guard member.key(equals: name, in: bytes) else { throw Malformed("the body names '\(name)' in other letters") }
            found = member
        }
        return found
    }
}
