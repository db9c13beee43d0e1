extension StoppedState {
    /// Puts keys and their usage into the directory, all or none. The same keys open what they opened; only their hashes are kept.
    /// A key that is there already, by its text, is left as it is; for a declared one what was used under it is booked, once.
    ///
    /// - Parameter declared: the keys of the configuration, whose names and texts are taken; nil where nobody knows them.
    /// - Throws: `StateFailure`.
    public func add(_ keys: [ImportedKey], declared: [DeclaredKey]?) throws -> ImportResult {
        let directory = try StateDirectory(path)
        defer { directory.unlock() }
        let store = try SQLiteStore(path: directory.database)
        defer { try? store.close() }
        do {
            let plan = ImportPlan(keys, stored: try store.keys(), declared: declared)
            try store.add(plan.fresh)
            try store.setWantsCopy(true)
            try store.checkpoint()
            return plan.result
        } catch let failure as StateFailure {
            throw failure
        } catch {
            throw StateFailure.unusable(path: directory.database, reason: "\(error)")
        }
    }
}
