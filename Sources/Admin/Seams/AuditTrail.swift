import ProxyCore

/// What the admin plane needs of the audit log.
public protocol AuditTrail: Sendable {
    /// The entry is kept when it returns.
    func record(_ entry: AuditEntry) async throws
    /// The newest first.
    func entries(_ query: AuditQuery) async throws -> [AuditEntry]
}

extension AuditLog: AuditTrail {}
