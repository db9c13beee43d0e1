/// The macros `all`, `exists`, `exists_one`, `map`, `filter`, `transformList`, `transformMap`, `transformMapEntry`.
extension Program {
    private typealias Pair = (key: CELValue, value: CELValue)

    static func walk(_ comprehension: Node.Comprehension) -> Code {
        let range = compile(comprehension.range)
        let round = Round(
            slot: comprehension.slot, hasTwoVariables: comprehension.hasTwoVariables, filter: comprehension.filter.map(compile),
            body: compile(comprehension.body), weight: comprehension.weight)
        switch comprehension.macro {
        case .all: return quantifier(range, round, decisive: false)
        case .exists: return quantifier(range, round, decisive: true)
        case .existsOne: return existsOne(range, round)
        case .filter: return filter(range, round)
        case .map, .transformList: return transformList(range, round)
        case .transformMap: return transformMap(range, round)
        case .transformMapEntry: return transformMapEntry(range, round)
        }
    }

    /// What happens for each element.
    private struct Round: Sendable {
        let slot: Int
        let hasTwoVariables: Bool
        let filter: Code?
        let body: Code
        let weight: Int

        /// Sets the variables; false when the filter leaves the element out.
        func enter(_ pair: Pair, isList: Bool, _ facts: Facts, _ frame: inout Frame) throws(EvaluationError) -> Bool {
            try frame.charge(weight)
            if hasTwoVariables {
                frame.locals[slot] = pair.key
                frame.locals[slot + 1] = pair.value
            } else {
                frame.locals[slot] = isList ? pair.value : pair.key
            }
            guard let filter else { return true }
            return try boolean(try filter(facts, &frame))
        }
    }

    private static func pairs(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> (pairs: [Pair], isList: Bool) {
        switch value {
        case .list(let list):
            try frame.charge(list.count)
            return (list.enumerated().map { (key: .int($0.offset), value: $0.element) }, true)
        case .map(let map):
            try frame.charge(map.count)
            return (map.entries, false)
        default: throw .failed("a list or a map is expected, not \(value.typeName)")
        }
    }

    private static func boolean(_ value: CELValue) throws(EvaluationError) -> Bool {
        guard case .bool(let bool) = value else { throw .failed("true or false is expected, not \(value.typeName)") }
        return bool
    }

    private static func quantifier(_ range: @escaping Code, _ round: Round, decisive: Bool) -> Code {
        { facts, frame throws(EvaluationError) in
            let (pairs, isList) = try pairs(try range(facts, &frame), &frame)
            var failure: EvaluationError?
            for pair in pairs {
                do throws(EvaluationError) {
                    _ = try round.enter(pair, isList: isList, facts, &frame)
                    if try boolean(try round.body(facts, &frame)) == decisive { return .bool(decisive) }
                } catch {
                    if error == .exhausted { throw error }
                    try frame.charge(Frame.failureSteps)
                    if failure == nil { failure = error }
                }
            }
            if let failure { throw failure }
            return .bool(!decisive)
        }
    }

    private static func existsOne(_ range: @escaping Code, _ round: Round) -> Code {
        { facts, frame throws(EvaluationError) in
            let (pairs, isList) = try pairs(try range(facts, &frame), &frame)
            var count = 0
            for pair in pairs {
                _ = try round.enter(pair, isList: isList, facts, &frame)
                if try boolean(try round.body(facts, &frame)) { count += 1 }
            }
            return .bool(count == 1)
        }
    }

    private static func filter(_ range: @escaping Code, _ round: Round) -> Code {
        { facts, frame throws(EvaluationError) in
            let (pairs, isList) = try pairs(try range(facts, &frame), &frame)
            var kept: [CELValue] = []
            for pair in pairs {
                _ = try round.enter(pair, isList: isList, facts, &frame)
                if try boolean(try round.body(facts, &frame)) { kept.append(isList ? pair.value : pair.key) }
            }
            return .list(kept)
        }
    }

    private static func transformList(_ range: @escaping Code, _ round: Round) -> Code {
        { facts, frame throws(EvaluationError) in
            let (pairs, isList) = try pairs(try range(facts, &frame), &frame)
            var made: [CELValue] = []
            for pair in pairs where try round.enter(pair, isList: isList, facts, &frame) {
                made.append(try round.body(facts, &frame))
            }
            return .list(made)
        }
    }

    private static func transformMap(_ range: @escaping Code, _ round: Round) -> Code {
        { facts, frame throws(EvaluationError) in
            let (pairs, isList) = try pairs(try range(facts, &frame), &frame)
            var made: [Pair] = []
            for pair in pairs where try round.enter(pair, isList: isList, facts, &frame) {
                made.append((pair.key, try round.body(facts, &frame)))
            }
            guard let map = CELMap(made) else { throw .failed("a key is there twice") }
            return .map(map)
        }
    }

    /// Each round gives entries of its own.
    private static func transformMapEntry(_ range: @escaping Code, _ round: Round) -> Code {
        { facts, frame throws(EvaluationError) in
            let (pairs, isList) = try pairs(try range(facts, &frame), &frame)
            var made: [Pair] = []
            for pair in pairs where try round.enter(pair, isList: isList, facts, &frame) {
                let value = try round.body(facts, &frame)
                guard case .map(let entries) = value else { throw .failed("a map is expected, not \(value.typeName)") }
                try frame.charge(entries.count)
                made += entries.entries
            }
            guard let map = CELMap(made) else { throw .failed("a key is there twice") }
            return .map(map)
        }
    }
}
