/// What is known of the types that are still to be found out.
struct Inference {
    private var known: [CELType?] = []
    /// The unknowns in the order they became known, so that an attempt can be taken back.
    private var trail: [Int] = []

    struct Mark {
        fileprivate let known: Int
        fileprivate let trail: Int
    }

    func mark() -> Mark { Mark(known: known.count, trail: trail.count) }

    /// Forgets what was found out, and every unknown that was made, since `mark`.
    mutating func rollBack(to mark: Mark) {
        for index in trail[mark.trail...] { known[index] = nil }
        trail.removeSubrange(mark.trail...)
        known.removeSubrange(mark.known...)
    }

    mutating func fresh() -> CELType {
        known.append(nil)
        return .unknown(known.count - 1)
    }

    /// The parameters of a signature replaced by fresh unknowns, the same one for the same parameter.
    mutating func instantiate(_ overload: Overload) -> (parameters: [CELType], result: CELType) {
        var unknowns: [Int: CELType] = [:]
        let parameters = overload.parameters.map { replace($0, &unknowns) }
        return (parameters, replace(overload.result, &unknowns))
    }

    private mutating func replace(_ type: CELType, _ unknowns: inout [Int: CELType]) -> CELType {
        switch type {
        case .parameter(let index):
            if let unknown = unknowns[index] { return unknown }
            let unknown = fresh()
            unknowns[index] = unknown
            return unknown
        case .list(let element): return .list(replace(element, &unknowns))
        case .map(let key, let value): return .map(replace(key, &unknowns), replace(value, &unknowns))
        case .optional(let value): return .optional(replace(value, &unknowns))
        default: return type
        }
    }

    /// The outermost layer, looked through unknowns that are known by now.
    func head(_ type: CELType) -> CELType {
        var type = type
        while case .unknown(let index) = type, let found = known[index] { type = found }
        return type
    }

    /// The type with everything filled in that is known; what is not becomes dyn when `final`.
    func resolve(_ type: CELType, final: Bool = false) -> CELType {
        switch head(type) {
        case .list(let element): .list(resolve(element, final: final))
        case .map(let key, let value): .map(resolve(key, final: final), resolve(value, final: final))
        case .optional(let value): .optional(resolve(value, final: final))
        case .unknown(let index): final ? .dyn : .unknown(index)
        case let other: other
        }
    }

    /// Whether a value of type `source` may stand where `target` is wanted. May leave half its findings when it fails.
    mutating func assign(_ source: CELType, to target: CELType) -> Bool {
        let (from, to) = (head(source), head(target))
        switch (from, to) {
        case (.unknown(let left), .unknown(let right)):
            return left == right || learn(right, from)
        case (_, .unknown(let index)): return learn(index, from)
        case (.unknown(let index), _): return learn(index, to)
        case (.dyn, _), (_, .dyn): return true
        case (.null, .timestamp), (.null, .duration), (.timestamp, .null), (.duration, .null): return true
        case (.list(let left), .list(let right)), (.optional(let left), .optional(let right)):
            return assign(left, to: right)
        case (.map(let leftKey, let left), .map(let rightKey, let right)):
            return assign(leftKey, to: rightKey) && assign(left, to: right)
        default: return from == to
        }
    }

    private mutating func learn(_ index: Int, _ type: CELType) -> Bool {
        guard !mentions(type, index) else { return false }
        known[index] = type
        trail.append(index)
        return true
    }

    private func mentions(_ type: CELType, _ index: Int) -> Bool {
        switch head(type) {
        case .unknown(let other): other == index
        case .list(let element), .optional(let element): mentions(element, index)
        case .map(let key, let value): mentions(key, index) || mentions(value, index)
        default: false
        }
    }

    /// One type for values of both: theirs if it is one, else dyn.
    mutating func join(_ left: CELType?, _ right: CELType) -> CELType {
        guard let left else { return right }
        let before = mark()
        if assign(right, to: left) {
            return isGeneral(right) ? right : left
        }
        rollBack(to: before)
        return .dyn
    }

    private func isGeneral(_ type: CELType) -> Bool {
        switch head(type) {
        case .dyn: true
        case .list(let element), .optional(let element): isGeneral(element)
        case .map(let key, let value): isGeneral(key) || isGeneral(value)
        default: false
        }
    }
}
