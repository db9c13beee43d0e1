import RuleEngine

@testable import ProxyCore

extension Published where Value == Snapshot {
    /// A store whose snapshot declares nothing but keys.
    static func declaring(_ keys: [DeclaredKey] = []) -> SnapshotStore {
        SnapshotStore(snapshot(declaring: keys, generation: 1))
    }

    /// Publishes another one.
    func declare(_ keys: [DeclaredKey]) {
        publish(Self.snapshot(declaring: keys, generation: current.generation + 1))
    }

    private static func snapshot(declaring keys: [DeclaredKey], generation: Int) -> Snapshot {
        var configuration = Configuration()
        configuration.keys = keys
        return Snapshot(
            generation: generation, hash: "\(generation)", configuration: configuration, rules: RuleSet([]), routes: [])
    }
}
