import Dialects
import NIOCore
import RuleEngine

extension Exchange {
    /// The body is whole: stage Decide, and on to Dispatch.
    func bodyArrived() {
        figures.bytesIn = connection.body.readableBytes
        switch endpoint {
        case .local: serveLocally()
        case .generate, .countTokens, .named, .other: decide()
        }
    }

    /// Stage Decide: from body and live state to a route and a plan.
    private func decide() {
        guard decodeBody(), readRequest() else { return }
        if configuration.onStorageFailure == .refuse, !loop.shared.ledger.canBook {
            // Before an upstream is paid for an answer that could not be accounted.
            refuse(Refusal(.internalError, status: 503, Self.unaccountable, retryAfterSeconds: 5, stage: "decide"))
            return
        }
        loop.shared.retryBudget.countRequest()
        guard request.batch.isEmpty else {
            if let (rule, capture) = decideBatch() { follow(rule, capture) }
            return
        }
        guard let policy, request.namesNoModel ? policy.allows(path: path) : policy.allows(model: request.model) else {
            let what = request.namesNoModel ? "this path" : "the model '\(Self.shown(request.model))'"
            refuse(Refusal(.permission, "the API key may not use \(what)", stage: "decide"))
            return
        }
        let rules = snapshot.rules
        switch rules.decide(model: request.model, path: path, facts: { gatherFacts(reads: rules.reads) }) {
        case .route(let rule, let capture):
            follow(rule, capture)
        case .reject(let rule, let rejection):
            figures.rejectedBy = rule
            refuse(Refusal(ErrorClass(status: rejection.status), status: rejection.status, rejection.message, stage: "decide"))
        case .noMatch:
            let message =
                request.model == "*" ? "no rule serves this path" : "the model '\(Self.shown(request.model))' is not known here"
            refuse(Refusal(.notFound, message, param: request.model == "*" ? nil : "model", stage: "decide"))
        }
    }

    private func follow(_ rule: Int, _ capture: String?) {
        route = rule
        let resolved = snapshot.routes[rule]
        plan = AttemptPlan(
            route: resolved, accounts: snapshot.accountIDs, askedFor: request.model, capture: capture,
            seed: resolved.tiers.contains { $0.targets.count > 1 } ? loop.random() : 0)
        attemptNext()
    }

    /// What a client sent, cut to what an error message can hold.
    static func shown(_ text: String) -> String {
        text.utf8.count <= 200 ? text : String(text.prefix(100)) + "…"
    }

    // MARK: The request line

    /// Finds model, stream and members. False: refused.
    private func readRequest() -> Bool {
        switch endpoint {
        case .generate(.gemini), .countTokens(.gemini):
            guard let parts = call?.gemini else {
                refuse(Refusal(.notFound, "the path names no model", stage: "decide"))
                return false
            }
            if let problem = parts.problem { return refuseBody(problem) }
            guard readBody(.object), readModel(required: false) else { return false }
            request.model = parts.model
            request.namesModel = false
            request.streams = parts.streams
        case .generate, .countTokens, .named:
            return readBody(.object) && readModel(required: true)
        case .other:
            return readOtherBody()
        case .local:
            break
        }
        return true
    }

    enum BodyNeed {
        case object
        /// Any JSON value.
        case json
        /// JSON or anything else.
        case maybe
    }

    /// Scans the body's top level. False: refused.
    func readBody(_ need: BodyNeed) -> Bool {
        var problem: JSONScan.Problem?
        connection.body.withUnsafeReadableBytes { bytes in
            do throws(JSONScan.Problem) {
                let outline = try JSONScan.outline(of: bytes, into: &connection.members)
                request.object = outline.object
                request.holdsEnvelopes = outline.holdsEnvelopes
            } catch {
                problem = error
            }
        }
        guard let problem else { return true }
        connection.members.removeAll(keepingCapacity: true)
        request.object = nil
        guard need == .object || isRefused(problem, need) else { return true }
        refuse(Refusal(.badRequest, Self.text(of: problem), stage: "decide"))
        return false
    }

    private func isRefused(_ problem: JSONScan.Problem, _ need: BodyNeed) -> Bool {
        switch problem {
        case .duplicateKey: return true
        case .notAContainer where need == .json:
            // A list or a single value names no model; it has to be whole all the same.
            return connection.body.withUnsafeReadableBytes { (try? JSONScan.validate($0)) == nil }
        case .empty, .notAContainer, .syntax, .tooDeep, .trailing, .tooMany:
            guard need == .maybe else { return true }
            // A mark of UTF-8 before an object hides it from this reader alone.
            return connection.body.withUnsafeReadableBytes { bytes in
                bytes.starts(with: [0xEF, 0xBB, 0xBF]) && bytes.dropFirst(3).first { $0 > 0x20 } == UInt8(ascii: "{")
            }
        }
    }

    /// Finds what the body's members say that decides its way. False: refused.
    func readModel(required: Bool) -> Bool {
        var problem: String?
        connection.body.withUnsafeReadableBytes { bytes in
            for member in connection.members {
                if member.key(equals: "model", in: bytes) {
                    switch member.kind {
                    case .string:
                        switch connection.modelName(UnsafeRawBufferPointer(rebasing: bytes[member.value])) {
                        case .name(let name):
                            request.model = name
                            request.namesModel = true
                        case .problem(let words): problem = words
                        }
                    case .null where !required: break
                    case .number, .true, .false, .null, .object, .array: problem = Self.noModel
                    }
                } else if member.kind == .true, member.key(equals: "stream", in: bytes) {
                    request.streams = true
                } else if member.kind == .object, member.key(equals: "thinking", in: bytes) {
                    request.thinks = true
                } else if member.key.count == 5 || member.isKeyEscaped, member.names("model", in: bytes) {
                    problem = "the request body names 'model' in other letters"
                }
            }
        }
        if problem == nil, required, !request.namesModel { problem = Self.noModel }
        guard let problem else { return true }
        return refuseBody(problem)
    }

    private static let noModel = "the request names no model: 'model' must be a string that is not empty"

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
}
