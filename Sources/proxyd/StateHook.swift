import Foundation
import ProxyCore

extension ReloadHook {
    /// Refuses a reload that would move the state directory: keys and usage of the running process stay where they are, and with
    /// the next start a directory of another name would be as empty as it looks.
    static let stateStays = ReloadHook(
        name: "state directory",
        prepare: { old, new throws(ReloadRefusal) in
            let (before, after) = (old.configuration.statePath, new.configuration.statePath)
            guard before != after, canonical(before) != canonical(after) else { return }
            throw ReloadRefusal(
                key: "state",
                message: "cannot change while proxyd runs: its keys and usage are in '\(before)'; "
                    + "stop it, move them to '\(after)' if they are to be kept, and start it again")
        })

    /// Refuses a reload that would lead to another shared store: what waits in the journal is for the one of before.
    static let sharedStoreStays = ReloadHook(
        name: "shared store",
        prepare: { old, new throws(ReloadRefusal) in
            let (before, after) = (old.configuration.cluster, new.configuration.cluster)
            let isSame = before?.store?.uri == after?.store?.uri
            guard !isSame || (after?.store != nil && before?.node != after?.node) else { return }
            throw ReloadRefusal(
                key: isSame ? "cluster.node" : "cluster.store",
                message: "cannot change while proxyd runs: start it again")
        })

    private static func canonical(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
    }
}
