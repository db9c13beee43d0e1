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
        guard readRequest() else { return }
        if configuration.onStorageFailure == .refuse, !loop.shared.ledger.canBook {
            // Before an upstream is paid for an answer that could not be accounted.
            refuse(Refusal(.internalError, status: 503, Self.unaccountable, retryAfterSeconds: 5, stage: "decide"))
            return
        }
        loop.shared.retryBudget.countRequest()
        guard let policy, policy.allows(model: request.model) else {
            refuse(Refusal(.permission, "the API key may not use the model '\(Self.shown(request.model))'", stage: "decide"))
            return
        }
        let rules = snapshot.rules
        switch rules.decide(model: request.model, facts: { gatherFacts(reads: rules.reads) }) {
        case .route(let rule, let capture):
            route = rule
            let resolved = snapshot.routes[rule]
            plan = AttemptPlan(
                route: resolved, accounts: snapshot.accountIDs, askedFor: request.model, capture: capture,
                seed: resolved.tiers.contains { $0.targets.count > 1 } ? loop.random() : 0)
            attemptNext()
        case .reject(let rule, let rejection):
            figures.rejectedBy = rule
            refuse(Refusal(ErrorClass(status: rejection.status), status: rejection.status, rejection.message, stage: "decide"))
        case .noMatch:
            let message =
                request.model == "*" ? "no rule serves this path" : "the model '\(Self.shown(request.model))' is not known here"
            refuse(Refusal(.notFound, message, param: request.model == "*" ? nil : "model", stage: "decide"))
        }
    }

    /// What a client sent, cut to what an error message can hold.
    private static func shown(_ text: String) -> String {
        text.utf8.count <= 200 ? text : String(text.prefix(100)) + "…"
    }

    // MARK: The request line

    /// Finds model, stream and members. False: refused.
    private func readRequest() -> Bool {
        switch endpoint {
        case .generate(.gemini), .countTokens(.gemini):
            guard let parts = GeminiPath(path) else {
                refuse(Refusal(.notFound, "the path names no model", stage: "decide"))
                return false
            }
            guard readBody(required: true) else { return false }
            request.model = parts.model
            request.streams = parts.streams
        case .generate, .countTokens, .named:
            guard readBody(required: true) else { return false }
            guard let model = bodyModel(), !model.isEmpty else {
                refuse(
                    Refusal(
                        .badRequest, "the request names no model: 'model' must be a string that is not empty", param: "model",
                        stage: "decide"))
                return false
            }
            request.model = model
        case .other:
            _ = readBody(required: false)
            if let model = bodyModel(), !model.isEmpty { request.model = model }
        case .local:
            break
        }
        return true
    }

    /// Scans the body's top level. False: refused.
    private func readBody(required: Bool) -> Bool {
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
        guard required else { return true }
        refuse(Refusal(.badRequest, Self.text(of: problem), stage: "decide"))
        return false
    }

    private func bodyModel() -> String? {
        connection.body.withUnsafeReadableBytes { bytes in
            var model: String?
            for member in connection.members {
                if member.kind == .string, member.key(equals: "model", in: bytes) {
                    model = connection.modelName(UnsafeRawBufferPointer(rebasing: bytes[member.value]))
                } else if member.kind == .true, member.key(equals: "stream", in: bytes) {
                    request.streams = true
                } else if member.kind == .object, member.key(equals: "thinking", in: bytes) {
                    request.thinks = true
                }
            }
            return model
        }
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
}
