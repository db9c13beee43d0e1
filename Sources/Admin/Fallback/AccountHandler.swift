import Dialects
import ProxyCore

/// What an operator does with accounts.
struct AccountHandler {
    let accounts: AccountBook
    let configuration: Configuration

    /// Ends what is held against an account.
    func free(_ upstream: String, _ account: String) throws(AdminFailure) -> JSONValue {
        guard let found = configuration.upstreams.first(where: { $0.name == upstream }) else {
            throw AdminFailure(.notFound, "no upstream is called '\(upstream)'")
        }
        guard found.accounts.contains(where: { $0.name == account }) else {
            throw AdminFailure(.notFound, "the upstream '\(upstream)' has no account '\(account)'")
        }
        accounts.free(AccountID(upstream: upstream, account: account))
        return ["status": "freed", "upstream": .string(upstream), "account": .string(account)]
    }
}
