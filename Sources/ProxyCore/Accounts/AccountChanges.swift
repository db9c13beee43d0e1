/// The last accounts that something was published of: who remembers what it found looks at these anew, and at no others.
struct AccountChanges: Sendable {
    /// Grows with every change.
    private(set) var version = 0
    /// The accounts that the last changes were about, the newest last; nil: all of them.
    private var last: [AccountID?] = []

    /// So many are remembered at least, once there were as many.
    private static let least = 64

    /// - Parameter id: nil where the change may be about any.
    mutating func note(_ id: AccountID?) {
        version &+= 1
        if last.count >= 2 * Self.least { last.removeFirst(Self.least) }
        last.append(id)
    }

    /// The accounts that the changes after `version` were about; nil where that may be any.
    func since(_ version: Int) -> ArraySlice<AccountID?>? {
        let count = self.version &- version
        guard count >= 0, count <= last.count else { return nil }
        let changed = last.suffix(count)
        return changed.contains { $0 == nil } ? nil : changed
    }
}
