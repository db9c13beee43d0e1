import Synchronization

/// Which keys are counted by name, with which models: so many pairs as come first. Of the rest the key is counted as `other`.
///
/// Ten thousand keys with a dozen models each would be more series than who scrapes them can bear.
public final class KeyedModels: Sendable {
    public static let most = 2_000

    private struct Place: Hashable {
        let key: String
        let model: String
    }

    private let state = Mutex<[Place: KeyedModel]>([:])

    init() {}

    /// Whether keys have to be counted together.
    var isFull: Bool { state.withLock { $0.count >= Self.most } }

    /// - Parameter model: one that has series of its own, or `other`.
    func pair(key: String, model: String) -> KeyedModel {
        let place = Place(key: key, model: model)
        return state.withLock { pairs in
            if let known = pairs[place] { return known }
            let isOne = pairs.count < Self.most
            let pair = KeyedModel(key: isOne ? key : ModelNames.other, model: model, isFolded: !isOne)
            if isOne { pairs[place] = pair }
            return pair
        }
    }

    /// The model is counted as `other` from now on.
    func forget(model: String) {
        state.withLock { pairs in
            for (place, pair) in pairs where place.model == model {
                pair.leave()
                pairs[place] = nil
            }
        }
    }

    /// Makes room, where it is needed, by letting go of keys that are no more.
    /// - Returns: the names that have left.
    func makeRoom(keeping exists: (String) -> Bool) -> Set<String> {
        // Asked for outside of the lock, which requests wait for.
        guard isFull else { return [] }
        let names = Set(state.withLock { $0.keys.map(\.key) }).filter { !exists($0) && $0 != ModelNames.other }
        state.withLock { pairs in
            for (place, pair) in pairs where names.contains(place.key) {
                pair.leave()
                pairs[place] = nil
            }
        }
        return names
    }
}

/// A key's name and a model's, as series are labelled with them.
final class KeyedModel: Sendable {
    let key: String
    let model: String
    /// Another key's requests are counted here too: it is looked for each time, since there may be room meanwhile.
    let isFolded: Bool
    private let hasLeft = Atomic<Bool>(false)

    init(key: String, model: String, isFolded: Bool) {
        (self.key, self.model, self.isFolded) = (key, model, isFolded)
    }

    /// Its series are no more.
    var isGone: Bool { hasLeft.load(ordering: .relaxed) }

    func leave() { hasLeft.store(true, ordering: .relaxed) }
}
