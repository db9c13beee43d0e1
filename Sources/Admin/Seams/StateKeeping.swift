import ProxyCore

/// What the admin plane needs of the state as a whole. Calls throw `StateFailure`.
public protocol StateKeeping: Sendable {
    /// A copy of keys, usage and audit log at this moment, to be fetched piece by piece.
    func beginCopy() async throws -> UsageLedger.Copy
    /// A piece of a copy, at most `count` bytes from `offset` on; nil where there is no such copy.
    func piece(ofCopy id: String, offset: Int, count: Int) -> [UInt8]?
    func endCopy(_ id: String)
    func verify() async throws -> LedgerReport
}

extension UsageLedger: StateKeeping {}
