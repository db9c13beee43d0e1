import RuleEngine

/// A policy, ready to be asked.
public final class KeyPolicyCheck: Sendable {
    public let policy: KeyPolicy
    /// Whether it may be used from any address.
    let isOpenToAll: Bool
    /// nil allows all.
    private let models: [Glob]?
    /// Whether there are models that it does not allow.
    var narrowsModels: Bool { models != nil }
    /// nil leaves it to `models`.
    private let paths: [PathGlob]?

    public init(_ policy: KeyPolicy) {
        self.policy = policy
        isOpenToAll = policy.allowFrom.isEmpty
        models = policy.models?.map { Glob($0) }
        paths = policy.paths?.map { PathGlob($0) }
    }

    /// - Parameter model: the one the client asked for.
    public func allows(model: String) -> Bool {
        guard let models else { return true }
        return models.contains { $0.matches(model) }
    }

    /// - Parameter path: of a request that names no model.
    public func allows(path: String) -> Bool {
        guard let paths else { return allows(model: "*") }
        return paths.contains { $0.matches(path) }
    }

    public func allows(address: AddressRange.Address) -> Bool {
        policy.allowFrom.isEmpty || policy.allowFrom.contains { $0.contains(address) }
    }
}

/// The policies of one configuration. To be made once for each.
public struct PolicyTable: Sendable {
    private let checks: [String: KeyPolicyCheck]

    public init(_ policies: [String: KeyPolicy]) {
        checks = policies.mapValues { KeyPolicyCheck($0) }
    }

    public subscript(name: String) -> KeyPolicyCheck? { checks[name] }
}
