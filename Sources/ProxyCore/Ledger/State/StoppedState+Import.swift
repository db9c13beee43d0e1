extension StoppedState {
    /// Puts keys and their usage into the directory, all or none. The same keys open what they opened; only their hashes are kept.
    /// A key that is there already, by its text, is left as it is; for a declared one what was used under it is booked, once.
    ///
    /// - Parameter declared: the keys of the configuration, whose names and texts are taken; nil where nobody knows them.
    /// - Throws: `StateFailure`, also where nobody can tell whether a key is one of the configuration's.
    public func add(_ keys: [ImportedKey], declared: [DeclaredKey]?) throws -> ImportResult {
        let directory = try StateDirectory(path)
        defer { directory.unlock() }
        let store = try SQLiteStore(path: directory.database)
        defer { try? store.close() }
        do {
            let stored = try store.keys()
            if declared == nil { try refuseUnclear(keys, stored) }
            let plan = ImportPlan(keys, stored: stored, declared: declared)
            // Noted first: a disk that fills up in between leaves nothing that is to be copied and is not.
            try store.setWantsCopy(true)
            try store.add(plan.fresh)
            try store.checkpoint()
            return plan.result
        } catch let failure as StateFailure {
            throw failure
        } catch {
            throw StateFailure.unusable(path: directory.database, reason: "\(error)")
        }
    }

    /// Refuses keys that may be there already. The directory has no texts of a configuration's keys, only what is shown of them:
    /// one that looks the same may be the same. Short ones all look the same, and nothing is shown of one that is declared by its
    /// hash.
    private func refuseUnclear(_ keys: [ImportedKey], _ stored: [StoredKey]) throws(StateFailure) {
        let booked = Set(stored.flatMap { $0.retired.map(\.digest) })
        let shown = Set(keys.filter { !booked.contains($0.digest) }.map(\.masked))
        let declared = stored.filter { $0.source == .declared && $0.deleted == nil }
        guard !shown.isEmpty, let key = declared.first(where: { $0.masked.isEmpty || shown.contains($0.masked) }) else { return }
        throw .unusable(
            path: path,
            reason: "'\(key.name)' of a configuration may be one of the keys that are taken over: give --config as well")
    }
}
