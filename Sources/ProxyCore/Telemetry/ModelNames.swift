import RuleEngine
import Synchronization

/// Which models have series of their own: those that the file names, and those that responses proved, up to a bound.
///
/// Clients may ask for any name, and some servers answer to any. So a name that a response proved has a place only while there
/// are places; from then on it has to serve more often than the least used that has one. All else is counted as `other`.
public final class ModelNames: Sendable {
    /// The label's value for what is neither.
    static let other = "other"

    fileprivate struct State {
        var declared: Set<String> = ["", "*", ModelNames.other]
        var proven: [String: ProvenModel] = [:]
        /// Names without a place that answered lately, and how often; the oldest goes.
        var waiting: [String: Int] = [:]
        var order: [String] = []
        var next = 0
        /// Names that only clients have said and that were limited, and until when each has its place.
        var limited: [String: Int] = [:]
        var directory: ModelDirectory?
    }

    private let state = Mutex(State())
    private let registry: MetricsRegistry
    /// Which keys have series of their own with them.
    public let keyed = KeyedModels()

    private static let places = 100
    fileprivate static let waitingPlaces = 1_000
    /// Responses that a name without a place needs at least.
    private static let leastUses = 3
    private static let longest = 256

    public init(registry: MetricsRegistry) {
        self.registry = registry
    }

    /// Takes over what a configuration names; what was proved stays.
    public func declare(_ snapshot: Snapshot) {
        var names: Set<String> = ["", "*", Self.other]
        for rule in snapshot.rules.rules {
            names.formUnion(rule.models.map(\.text).filter { !$0.contains("*") })
        }
        for target in snapshot.routes.flatMap(\.tiers).flatMap(\.targets) {
            if let model = target.tierTarget.model, !model.contains("*") { names.insert(model) }
        }
        for upstream in snapshot.configuration.upstreams { names.formUnion(upstream.deployments.keys) }
        names.formUnion(snapshot.configuration.prices.keys)
        names.formUnion(snapshot.aliases.keys)
        // What was declared before is freed when loops need not wait for it.
        _ = state.withLock { [names] state in
            let before = state.declared
            state.declared = names
            return before
        }
    }

    /// Whether the file names a model, or a response proved it.
    func status(of name: String) -> ModelStatus {
        state.withLock { $0.declared.contains(name) || $0.proven[name] != nil ? .known : .stranger }
    }

    /// The same of a model that answered: where there is a place, it has it.
    func status(ofAnswered name: String) -> ModelStatus { label(of: name, isAnswered: true) == name ? .known : .stranger }

    /// The same of a model that was limited: a few that only clients have said have a place for an hour.
    /// - Parameter now: milliseconds of `SteadyClock`.
    func status(ofLimited name: String, now: Int) -> ModelStatus {
        state.withLock { state in
            if state.declared.contains(name) || state.proven[name] != nil { return .known }
            guard name.utf8.count <= Self.longest else { return .stranger }
            if let until = state.limited[name], until > now { return .newcomer }
            if state.limited.count >= Self.limitedPlaces { state.limited = state.limited.filter { $0.value > now } }
            guard state.limited.count < Self.limitedPlaces else { return .stranger }
            state.limited[name] = now &+ Self.limitedTime
            return .newcomer
        }
    }

    private static let limitedPlaces = 20
    private static let limitedTime = 3_600_000

    /// Where upstreams' own lists of models are.
    public func consult(_ directory: ModelDirectory) {
        state.withLock { $0.directory = directory }
    }

    /// Whether an upstream's own list has a model.
    func isListed(_ name: String, at upstream: String) -> Bool {
        state.withLock { $0.directory }?.has(name, at: upstream) ?? false
    }

    /// How a model is counted.
    enum Place {
        case declared
        case proven(ProvenModel)
        case none
    }

    /// The place of a model that was asked for and did not answer.
    func place(of name: String) -> Place {
        state.withLock { state in
            if state.declared.contains(name) { return .declared }
            return state.proven[name].map { .proven($0) } ?? .none
        }
    }

    /// The place of a model that answered.
    func prove(_ name: String) -> Place {
        guard name.utf8.count <= Self.longest else { return .none }
        let (place, leaves) = state.withLock { state -> (Place, String?) in
            if state.declared.contains(name) { return (.declared, nil) }
            if let known = state.proven[name] { return (.proven(known), nil) }
            guard state.proven.count >= Self.places else { return (.proven(state.admit(name, uses: 0)), nil) }
            let uses = state.wait(name)
            guard uses >= Self.leastUses, let least = state.proven.min(by: { $0.value.uses < $1.value.uses }),
                least.value.uses < uses
            else { return (.none, nil) }
            least.value.leave()
            state.proven[least.key] = nil
            state.waiting[name] = nil
            return (.proven(state.admit(name, uses: uses - 1)), least.key)
        }
        if let leaves {
            keyed.forget(model: leaves)
            registry.removeAll(where: "model", is: leaves)
        }
        return place
    }

    /// What series of a model are labelled with.
    /// - Parameter isAnswered: the model gave an answer: where there is a place, it has it. Who loses one is `prove`'s to say.
    func label(of name: String, isAnswered: Bool) -> String {
        state.withLock { state in
            if state.declared.contains(name) || state.proven[name] != nil { return name }
            guard isAnswered, name.utf8.count <= Self.longest, state.proven.count < Self.places else { return Self.other }
            _ = state.admit(name, uses: 0)
            return name
        }
    }

    /// Lets series of keys go that are no more, where there are too many.
    public func makeRoom(keeping exists: (String) -> Bool) {
        for key in keyed.makeRoom(keeping: exists) { registry.removeAll(where: "key", is: key) }
    }
}

extension ModelNames.State {
    fileprivate mutating func admit(_ name: String, uses: Int) -> ProvenModel {
        let model = ProvenModel(uses: uses)
        proven[name] = model
        return model
    }

    /// Counts a response of a name without a place.
    fileprivate mutating func wait(_ name: String) -> Int {
        if let uses = waiting[name] {
            waiting[name] = uses + 1
            return uses + 1
        }
        if order.count < ModelNames.waitingPlaces {
            order.append(name)
        } else {
            waiting[order[next]] = nil
            order[next] = name
            next = (next + 1) % order.count
        }
        waiting[name] = 1
        return 1
    }
}

/// A model that responses proved, and how often it served.
final class ProvenModel: Sendable {
    private let count: Atomic<Int>

    init(uses: Int) {
        count = Atomic(uses)
    }

    var uses: Int { count.load(ordering: .relaxed) }

    /// Counts; false when another has its place by now.
    func serve(_ times: Int) -> Bool { count.wrappingAdd(times, ordering: .relaxed).oldValue >= 0 }

    func leave() { count.store(.min / 2, ordering: .relaxed) }
}
