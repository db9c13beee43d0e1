import Dialects
import ProxyCore

/// What an operator does with accounts.
struct AccountHandler {
    let accounts: AccountBook
    let configuration: Configuration

    /// Ends what is held against an account.
    func free(_ upstream: String, _ account: String) throws(AdminFailure) -> JSONValue {
        accounts.free(try find(upstream, account))
        return ["status": "freed", "upstream": .string(upstream), "account": .string(account)]
    }

    /// Takes no new requests to an account, until it is freed.
    func drain(_ upstream: String, _ account: String) throws(AdminFailure) -> JSONValue {
        accounts.drain(try find(upstream, account))
        return ["status": "drained", "upstream": .string(upstream), "account": .string(account)]
    }

    private func find(_ upstream: String, _ account: String) throws(AdminFailure) -> AccountID {
        guard let found = configuration.upstreams.first(where: { $0.name == upstream }) else {
            throw AdminFailure(.notFound, "no upstream is called '\(upstream)'")
        }
        guard found.accounts.contains(where: { $0.name == account }) else {
            throw AdminFailure(.notFound, "the upstream '\(upstream)' has no account '\(account)'")
        }
        return AccountID(upstream: upstream, account: account)
    }
}
