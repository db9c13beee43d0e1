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
    /// Why the batch is refused for it.
    var fault: String?

    init(name: String = "", range: Range<Int> = 0..<0, fault: String? = nil) {
        self.name = name
        self.range = range
        self.fault = fault
    }
}

/// Batches: many requests in one body, each with a model of its own. All must be allowed, and go to one upstream.
extension Exchange {
    /// Lists the models of a batch. False: refused.
    func readBatch() -> Bool {
        guard request.object != nil else { return true }
        var problem: String?
        let found = connection.body.withUnsafeReadableBytes { bytes -> [BatchModel] in
            do throws(BatchReader.Malformed) {
                return try BatchReader.models(in: bytes, connection.members, isMessages: path == "/v1/messages/batches")
            } catch {
                problem = error.message
                return []
            }
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
        // What the rules read is the same for all but the name: a body is looked through once.
        let facts = gatherFacts(reads: snapshot.rules.reads)
        for index in request.batch.indices {
            let name = request.batch[index].name
            guard let decision = decided[name] ?? decide(batched: name, facts) else { return nil }
            decided[name] = decision
            guard decided.count <= Self.mostBatchedModels else {
                _ = refuseBody("the batch names more than \(Self.mostBatchedModels) models")
                return nil
            }
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

    /// Each is a walk through all rules.
    private static let mostBatchedModels = 1000

    private func decide(batched model: String, _ facts: Facts) -> (rule: Int, capture: String?)? {
        guard let policy, policy.allows(model: model) else {
            refuse(Refusal(.permission, "the API key may not use the model '\(Self.shown(model))'", stage: "decide"))
            return nil
        }
        var facts = facts
        facts.request.model = model
        switch snapshot.rules.decide(model: model, path: path, facts: { facts }) {
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
