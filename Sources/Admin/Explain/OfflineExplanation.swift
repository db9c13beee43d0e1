import Basics
import Foundation
import ProxyCore

/// `proxyd explain --offline`: what a file says of a request, by the code that runs. Nobody is asked: nothing is known of quota
/// (but what is pretended), of health, of what was used, and of keys that the admin API made.
public enum OfflineExplanation {
    /// - Throws: `RemoteFailure`, as a running proxyd's answer would make it.
    public static func text(
        _ call: AdminClient.DescribedCall, of snapshot: Snapshot, _ format: RemoteFormat, now: Date = Date()
    ) throws -> String {
        let keys = KnownKeys(declaredBy: snapshot)
        var known = ExplanationHandler.KnownThings { keys.key(reference: $0) }
        known.limits = LimitLook(LimitTable(timeZone: snapshot.configuration.timeZone), now: .now)
        known.notes = ["of the file alone: of quota only what is pretended is known, of accounts and of what was used nothing"]
        if let key = call.key, known.key(key) == nil {
            known.notes.append("the file does not declare that key; those that the admin API made only a running proxyd knows")
        }
        let live = LiveAccounts(
            states: AccountStates(snapshot.configuration.upstreams), now: now, steady: SteadyClock.milliseconds)
        let handler = ExplanationHandler(snapshot: snapshot, accounts: live, now: now, known: known)
        do {
            return ExplanationText(try handler.explain(try call.json().bytes)).text(format)
        } catch let failure as AdminFailure {
            throw RemoteFailure.usage(failure.message)
        }
    }
}
