#if canImport(Glibc)
import Glibc
#endif

extension StoppedState {
    /// The keys that the admin API made here; nil where they cannot be read. A proxyd may run on the directory: it is only looked at.
    func madeKeys() -> MadeKeys? {
        let database = path + "/proxyd.sqlite"
        var owner = stat()
        // To look into it, SQLite may make files beside it: in a directory of somebody else's only root's can be given away.
        guard StateFiles.size(database) ?? 0 > 0, stat(path, &owner) == 0, [0, owner.st_uid].contains(geteuid()) else {
            return nil
        }
        defer { StateOwner.handOver(path) }
        guard let store = try? SQLiteStore(lookingAt: database) else { return nil }
        defer { try? store.close() }
        var made = MadeKeys()
        guard let stored = try? store.keys() else { return nil }
        for key in stored { made.replace(nil, with: key) }
        return made
    }
}

extension LoadResult {
    /// What declared keys have in common with those that the admin API made in the file's state directory, as far as that can be read:
    /// for a check alone. A proxyd that runs says the same of its own.
    public var keyClashes: [Diagnostic] {
        guard let snapshot, case let keys = snapshot.configuration.keys, !keys.isEmpty,
            let made = StoppedState(snapshot.configuration.statePath).madeKeys()
        else { return [] }
        return KnownKeys(of: snapshot, RegisteredKeys(made: made)).clashing.map { clash in
            let path = "keys[\(keys.firstIndex { $0.name == clash.key.name } ?? 0)]"
            let place = places[path] ?? SourceLocation(file: files.first ?? "", line: 1, column: 1)
            return Diagnostic(.warning, at: place, path: path, message: clash.words)
        }
    }
}
