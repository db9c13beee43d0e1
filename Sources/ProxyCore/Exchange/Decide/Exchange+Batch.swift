import Dialects
import NIOCore
import RuleEngine

/// The model of one request inside a batch (`requests[].params.model`).
struct BatchModel {
    var name: String
    /// Where its JSON string lies in the body.
    var range: Range<Int>
    /// Of the rule that decided on it.
    var rule = -1
    var capture: String?
}

/// Batches: many requests in one body, each with a model of its own. All must be allowed, and go to one upstream.
extension Exchange {
    /// Lists the models of a batch. False: refused.
    func readBatch() -> Bool {
        guard request.object != nil else { return true }
        var problem: String?
        let found = connection.body.withUnsafeReadableBytes { bytes -> [BatchModel] in
            let requests = connection.members.first { $0.kind == .array && $0.key(equals: "requests", in: bytes) }
            guard let requests else { return [] }
            var models: [BatchModel] = []
            do throws(JSONScan.Problem) {
                var elements: [JSONElement] = []
                try JSONScan.elements(of: bytes, in: requests.value, into: &elements)
                for element in elements where element.kind == .object {
                    var members: [JSONMember] = []
                    try JSONScan.members(of: bytes, in: element.value, into: &members)
                    guard let parameters = members.first(where: { $0.kind == .object && $0.key(equals: "params", in: bytes) })
                    else { continue }
                    try JSONScan.members(of: bytes, in: parameters.value, into: &members)
                    for member in members {
                        guard member.names("model", in: bytes) else { continue }
                        guard member.key(equals: "model", in: bytes) else {
                            problem = "a request of the batch names 'model' in other letters"
                            return []
                        }
                        guard member.kind == .string, let name = JSONScan.string(of: bytes, in: member.value), !name.isEmpty
                        else {
                            problem = "'model' of a request of the batch must be a string that is not empty"
                            return []
                        }
                        problem = ModelName.problem(name)
                        guard problem == nil else { return [] }
                        models.append(BatchModel(name: name, range: member.value))
                    }
                }
            } catch {
                problem = error.description
            }
            return models
        }
        if let problem { return refuseBody(problem) }
        guard let first = found.first else { return true }
        guard request.model == "*" else { return refuseBody("the body names a model beside those of its requests") }
        request.batch = found
        request.model = first.name
        return true
    }

    /// Asks policy and rules about every model. The route and capture of the first, or nil: refused.
    func decideBatch() -> (rule: Int, capture: String?)? {
        var decided: [String: (rule: Int, capture: String?)] = [:]
        for index in request.batch.indices {
            let name = request.batch[index].name
            guard let decision = decided[name] ?? decide(batched: name) else { return nil }
            decided[name] = decision
            request.batch[index].rule = decision.rule
            request.batch[index].capture = decision.capture
        }
        let rules = Set(decided.values.map(\.rule))
        let upstreams = Set(rules.flatMap { rule in snapshot.routes[rule].tiers.flatMap { $0.targets.map(\.upstream) } })
        guard rules.count == 1 || upstreams.count == 1 else {
            _ = refuseBody("the batch's models go to more than one upstream")
            return nil
        }
        return request.batch.first.map { ($0.rule, $0.capture) }
    }

    private func decide(batched model: String) -> (rule: Int, capture: String?)? {
        guard let policy, policy.allows(model: model) else {
            refuse(Refusal(.permission, "the API key may not use the model '\(Self.shown(model))'", stage: "decide"))
            return nil
        }
        let rules = snapshot.rules
        request.model = model
        defer { request.model = request.batch.first?.name ?? model }
        switch rules.decide(model: model, path: path, facts: { gatherFacts(reads: rules.reads) }) {
        case .route(let rule, let capture): return (rule, capture)
        case .reject(let rule, let rejection):
            figures.rejectedBy = rule
            refuse(Refusal(ErrorClass(status: rejection.status), status: rejection.status, rejection.message, stage: "decide"))
        case .noMatch:
            refuse(Refusal(.notFound, "the model '\(Self.shown(model))' is not known here", param: "model", stage: "decide"))
        }
        return nil
    }

    /// Gives each request of a batch the model that this tier, or its own rule's first, asks for.
    func patchBatch(_ patch: inout JSONPatch, for candidate: Candidate) {
        for batched in request.batch {
            let tiers = snapshot.routes[batched.rule].tiers
            let target = batched.rule == route ? tiers[candidate.tier].targets[candidate.target] : tiers.first?.targets.first
            guard let model = target?.tierTarget.model(askedFor: batched.name, capture: batched.capture), model != batched.name
            else { continue }
            patch.replaceUntouched(batched.range, toString: model)
        }
    }
}

extension JSONMember {
    /// Whether this member is called `text`, which is in lower case, in any letters: readers that ignore case take it for that.
    func names(_ text: StaticString, in bytes: UnsafeRawBufferPointer) -> Bool {
        if isKeyEscaped {
            return keyString(in: bytes).lowercased() == "\(text)"
        }
        guard key.count == text.utf8CodeUnitCount, key.upperBound <= bytes.count else { return false }
        return equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: bytes[key]), text)
    }
}
