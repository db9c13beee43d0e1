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

    private static func canonical(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
    }
}
