import Basics
import Dialects
import NIOCore

/// Finds in a request's body what decides its way: the model, whether a stream is wanted, the members.
extension ClientRequest {
    mutating func readContent() throws(LocalReply) {
        switch endpoint {
        case .generate(.gemini), .countTokens(.gemini):
            guard let parts = call.gemini else { throw LocalReply(.notFound, "the path names no model", stage: .decide) }
            if let problem = parts.problem { throw LocalReply(body: problem) }
            try readJSON(.object)
            try readModel(required: false)
            if case .countTokens = endpoint { try readCountedModel(as: parts.model) }
            if content.namesModel { content.modelPrefix = try prefix(of: content.model, naming: parts.model) }
            content.model = parts.model
            content.streams = parts.streams
        case .generate, .countTokens, .named:
            try readJSON(.object)
            try readModel(required: call.alias?.model == nil)
            try takeDeployment()
        case .other:
            try readOther()
            try takeDeployment()
            forgetModel()
            if dialect == .gemini { try takeGeminiModel() }
        case .local:
            break
        }
    }

    /// The model that the address names stands for what the body says of one.
    private mutating func takeDeployment() throws(LocalReply) {
        guard let model = call.alias?.model, body.readableBytes > 0 else { return }
        if let problem = ModelName.problem(model) { throw LocalReply(body: problem) }
        guard content.object != nil || content.form != nil else { return }
        content.isModelElsewhere = content.model != model || !content.namesModel
        content.namesModel = content.form == nil
        content.model = model
    }

    /// Where no model can be asked for, what body or address say of one means nothing.
    private mutating func forgetModel() {
        guard !content.namesNoModel || !content.batch.isEmpty else { return }
        switch NamedModels(method: method, path: path) {
        case .any: return
        case .ofRequests where !content.batch.isEmpty: return
        case .ofRequests, .none: break
        }
        content.model = "*"
        content.namesModel = false
        content.isModelElsewhere = false
        content.form = nil
        content.batch = []
    }

    /// What stands before the model's name in a Gemini body, which may name the path's model and no other: rules and policies go by
    /// that one.
    private func prefix(of said: String, naming model: String) throws(LocalReply) -> String {
        if said == model { return "" }
        guard said.hasSuffix(model) else { throw LocalReply(body: Self.otherModel) }
        let prefix = String(said.dropLast(model.count))
        guard prefix == "models/" || prefix == Self.publishers || prefix.hasSuffix("/" + Self.publishers) else {
            throw LocalReply(body: Self.otherModel)
        }
        return prefix
    }

    private static let otherModel = "the body names another model than the path"
    private static let publishers = "publishers/google/models/"

    /// The model of the request that a Gemini client wants counted.
    private mutating func readCountedModel(as model: String) throws(LocalReply) {
        var problem: String?
        let found = withBody { bytes -> [BatchModel] in
            var found: [BatchModel] = []
            for holder in members where holder.kind == .object && Self.holdsCounted(holder, in: bytes) {
                var inner: [JSONMember] = []
                guard (try? JSONScan.members(of: bytes, in: holder.value, into: &inner)) != nil else {
                    problem = "the request to be counted cannot be read"
                    continue
                }
                for member in inner where member.names("model", in: bytes) && member.kind != .null {
                    guard member.key(equals: "model", in: bytes), member.kind == .string,
                        let name = JSONScan.string(of: bytes, in: member.value)
                    else {
                        problem = "'model' of the request to be counted must be a string, and be called so"
                        continue
                    }
                    found.append(BatchModel(name: name, range: member.value))
                }
            }
            return found
        }
        if let problem { throw LocalReply(body: problem) }
        content.counted = found
        for index in content.counted.indices {
            content.counted[index].prefix = try prefix(of: content.counted[index].name, naming: model)
            content.counted[index].name = model
        }
    }

    private static func holdsCounted(_ member: JSONMember, in bytes: UnsafeRawBufferPointer) -> Bool {
        member.names("generatecontentrequest", in: bytes) || member.names("generate_content_request", in: bytes)
    }

    /// Gemini's paths and bodies beside generation: the path's model is the one, and the body's are called `models/…`.
    private mutating func takeGeminiModel() throws(LocalReply) {
        let prefix = "models/"
        if content.namesModel, content.model.hasPrefix(prefix) {
            content.modelPrefix = prefix
            content.model.removeFirst(prefix.count)
        }
        for index in content.batch.indices where content.batch[index].name.hasPrefix(prefix) {
            content.batch[index].prefix = prefix
            content.batch[index].name.removeFirst(prefix.count)
        }
        if let first = content.batch.first(where: \.isNamed) { content.model = first.name }
        guard let parts = call.gemini, method == .post else {
            content.batch.removeAll { !$0.isNamed }
            return
        }
        if let problem = parts.problem { throw LocalReply(body: problem) }
        for index in content.batch.indices where !content.batch[index].isNamed { content.batch[index].name = parts.model }
        let said = content.batch.map(\.name) + (content.namesModel ? [content.model] : [])
        // Rules and policies go by one model: the upstream is told of no other.
        guard said.allSatisfy({ $0 == parts.model }) else {
            throw LocalReply(body: Self.otherModel)
        }
        content.model = parts.model
    }

    private enum Need {
        case object
        /// Any JSON value.
        case json
        /// JSON, or text that is none.
        case maybe
        /// JSON or anything else.
        case anything
    }

    /// Scans the body's top level.
    private mutating func readJSON(_ need: Need) throws(LocalReply) {
        var problem: JSONScan.Problem?
        var outline: (object: Range<Int>, holdsEnvelopes: Bool)?
        var members: [JSONMember] = []
        swap(&members, &self.members)
        body.withUnsafeReadableBytes { bytes in
            do throws(JSONScan.Problem) {
                outline = try JSONScan.outline(of: bytes, into: &members)
            } catch {
                problem = error
            }
        }
        swap(&members, &self.members)
        if let outline {
            content.object = outline.object
            content.holdsEnvelopes = outline.holdsEnvelopes
        }
        guard let problem else { return try requireText(need) }
        self.members.removeAll(keepingCapacity: true)
        content.object = nil
        if need == .object || need == .json { try requireText(need) }
        guard need == .object || isRefused(problem, need) else { return }
        throw LocalReply(.badRequest, Self.text(of: problem), stage: .decide)
    }

    /// JSON is UTF-8: who mends what is none may read other names in it than others do. A file may be anything.
    private func requireText(_ need: Need) throws(LocalReply) {
        guard need != .anything, let offset = withBody({ UTF8Scan.firstInvalid(in: $0) }) else { return }
        throw LocalReply(.badRequest, "the request body is not valid JSON (no UTF-8 at byte \(offset))", stage: .decide)
    }

    private func isRefused(_ problem: JSONScan.Problem, _ need: Need) -> Bool {
        switch problem {
        case .duplicateKey: return true
        case .notAContainer where need == .json:
            // A list or a single value names no model; it has to be whole all the same.
            return withBody { (try? JSONScan.validate($0)) == nil }
        case .empty, .notAContainer, .syntax, .tooDeep, .trailing, .tooMany:
            guard need == .maybe || need == .anything else { return true }
            return withBody { bytes in
                // A mark of UTF-8 before an object hides it from this reader alone.
                let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
                // What begins as an object is one for a lenient reader, whatever it says that it is.
                guard hasMark || need == .maybe else { return false }
                return bytes.dropFirst(hasMark ? 3 : 0).first { $0 > 0x20 } == UInt8(ascii: "{")
            }
        }
    }

    /// Finds what the body's members say that decides its way.
    private mutating func readModel(required: Bool) throws(LocalReply) {
        // A text and not the reply, which is large: most requests have no problem.
        var problem: String?
        var (model, streams, thinks) = (String?.none, content.streams, content.thinks)
        var lists: [Range<Int>] = []
        withBody { bytes in
            for member in members {
                if member.key(equals: "model", in: bytes) {
                    switch member.kind {
                    case .string: problem = memory.modelName(bytes.slice(member.value), into: &model) ?? problem
                    case .null where !required: break
                    case .number, .true, .false, .null, .object, .array: problem = ModelName.missing
                    }
                } else if member.kind == .true, member.key(equals: "stream", in: bytes) {
                    streams = true
                } else if member.kind == .object, member.key(equals: "thinking", in: bytes) {
                    thinks = true
                } else if member.kind == .array, Self.holdsAlternates(member, in: bytes) {
                    lists.append(member.value)
                } else if member.key.count == 5 || member.isKeyEscaped, member.names("model", in: bytes) {
                    problem = "the request body names 'model' in other letters"
                }
            }
        }
        if let model {
            content.model = model
            content.namesModel = true
        }
        content.streams = streams
        content.thinks = thinks
        if problem == nil, !lists.isEmpty, asksForModel {
            for list in lists {
                let models = try alternates(of: list)
                content.alternates += models
            }
        }
        if problem == nil, required, !content.namesModel { problem = ModelName.missing }
        if let problem { throw LocalReply(body: problem) }
    }

    private static func text(of problem: JSONScan.Problem) -> String {
        switch problem {
        case .empty: "the request body is empty; a JSON object is expected"
        case .notAContainer: "the request body must be a JSON object"
        case .syntax(let offset, _): "the request body is not valid JSON (at byte \(offset))"
        case .tooDeep: "the request body is nested too deeply"
        case .duplicateKey(let offset): "the request body has a member twice (at byte \(offset))"
        case .trailing(let offset): "the request body has more after its JSON value (at byte \(offset))"
        case .tooMany: "the request body has too many values"
        }
    }

    // MARK: Paths without a meaning of their own

    private enum BodyKind {
        case json
        case multipart(boundary: [UInt8])
        case urlEncoded
        /// Text of some kind, which should be no object that cannot be read.
        case text
        /// Bytes that are not looked into: audio, lines of JSON, anything.
        case opaque
    }

    /// Finds the model of a body on any path, whatever it is written in.
    private mutating func readOther() throws(LocalReply) {
        guard body.readableBytes > 0 else { return }
        switch try bodyKind() {
        case .json:
            try readJSON(.json)
            try readModel(required: false)
            try readBatch()
        case .text:
            try readJSON(.maybe)
            try readModel(required: false)
            try readBatch()
        case .opaque:
            try readJSON(.anything)
            try readModel(required: false)
            try readBatch()
        case .urlEncoded:
            // So a file is called that is sent without a type.
            try readJSON(path.hasPrefix("/upload/") ? .anything : .maybe)
            // `curl -d` says so of everything, and many upstreams go by what they see.
            guard content.object == nil else {
                try readModel(required: false)
                try readBatch()
                if formNamesModel { throw LocalReply(body: "the body is JSON and a form") }
                return
            }
            try readForm { bytes throws(FormModel.Malformed) in try FormModel.urlEncoded(bytes) }
        case .multipart(let boundary):
            try readForm { bytes throws(FormModel.Malformed) in try FormModel.multipart(bytes, boundary: boundary) }
        }
    }

    private var formNamesModel: Bool { withBody { FormModel.mayBeNamed(within: $0) } }

    private mutating func readForm(
        _ read: (UnsafeRawBufferPointer) throws(FormModel.Malformed) -> FormModel?
    ) throws(LocalReply) {
        var malformed: FormModel.Malformed?
        var form: FormModel?
        withBody { bytes in
            do throws(FormModel.Malformed) { form = try read(bytes) } catch { malformed = error }
        }
        if let malformed { throw LocalReply(body: malformed.message) }
        guard let form else { return }
        if form.name.isEmpty { throw LocalReply(body: "the form's 'model' is empty") }
        if let problem = ModelName.problem(form.name) { throw LocalReply(body: problem) }
        content.form = form
        content.model = form.name
    }

    private func bodyKind() throws(LocalReply) -> BodyKind {
        var said: String?
        var isTwice = false
        withHead { bytes in
            for field in head.fields where field.known == .contentType {
                if said != nil { isTwice = true }
                said = field.value.string(in: bytes)
            }
        }
        if isTwice { throw LocalReply(body: "the request says twice what its body is") }
        guard let said, !said.isEmpty else { return .json }
        let type = said.prefix { $0 != ";" && $0 != "," }.filter { $0 != " " && $0 != "\t" }.lowercased()
        switch type {
        case "application/json", "text/json": return .json
        case "application/x-www-form-urlencoded": return .urlEncoded
        case "multipart/form-data":
            guard let parameters = Parameters(said[...]), let boundary = parameters["boundary"] else {
                throw LocalReply(body: "the form's boundary is missing or none")
            }
            return .multipart(boundary: Array(boundary.utf8))
        default:
            if type.hasSuffix("+json") { return .json }
            // Any other kind of parts may carry a form for a lenient reader.
            guard type.hasPrefix("multipart/"), said.lowercased().contains("form-data") || bodyHoldsForm else {
                return Self.mayHoldAnything(type) || path.hasPrefix("/upload/") ? .opaque : .text
            }
            throw LocalReply(body: "the body's type is ambiguous")
        }
    }

    /// Types of files, of parts and of lines, whose first byte says nothing of the rest.
    private static func mayHoldAnything(_ type: String) -> Bool {
        if ["multipart/", "audio/", "image/", "video/", "font/", "model/"].contains(where: type.hasPrefix) { return true }
        let lines = ["jsonl", "ndjson", "json-seq", "jsonlines", "json-lines", "stream+json"]
        if lines.contains(where: type.hasSuffix) { return true }
        return [
            "application/octet-stream", "binary/octet-stream", "application/binary", "application/pdf", "application/zip",
            "application/gzip", "application/x-gzip", "application/x-tar", "application/x-protobuf", "application/protobuf",
        ].contains(type)
    }

    /// Whether parts of another kind call themselves a form's.
    private var bodyHoldsForm: Bool {
        withBody { bytes in
            ["form-data", "Form-Data", "FORM-DATA"].contains { FormModel.index(of: Array($0.utf8), in: bytes) != nil }
        }
    }

    /// Lists the models of a batch: many requests in one body, each with a model of its own.
    private mutating func readBatch() throws(LocalReply) {
        guard content.object != nil else { return }
        var problem: String?
        let found = withBody { bytes -> [BatchModel] in
            do throws(BatchReader.Malformed) {
                let found = try BatchReader.models(in: bytes, members, isMessages: path == "/v1/messages/batches")
                return call.gemini == nil ? found : try found + BatchReader.geminiModels(in: bytes, members)
            } catch {
                problem = error.message
                return []
            }
        }
        if let problem { throw LocalReply(body: problem) }
        content.batch = found
        guard let first = found.first(where: \.isNamed) else { return }
        guard content.namesNoModel else { throw LocalReply(body: "the body names a model beside those of its requests") }
        content.model = first.name
    }
}
