/// A key of the admin plane.
public struct AdminKey: Sendable, Hashable {
    /// The holder's name, as the audit log says it.
    public var name: String
    public var key: Secret
    public var role: AdminRole

    /// The name of `admin.key`, which no other key may have.
    public static let only = "admin"

    public init(name: String = AdminKey.only, key: Secret, role: AdminRole = .admin) {
        self.name = name
        self.key = key
        self.role = role
    }
}

/// What an admin key may do.
public enum AdminRole: String, Sendable, Hashable, CaseIterable {
    /// All.
    case admin
    /// May look at everything, and change nothing.
    case viewer
    /// May read `/metrics`.
    case metrics
}

/// Who may read `/metrics`.
public enum MetricsAccess: String, Sendable, Hashable, CaseIterable {
    /// Whoever shows an admin key.
    case key
    /// Whoever may connect.
    case open
}
