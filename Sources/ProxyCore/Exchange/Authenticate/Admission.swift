import Dialects

/// Who asks, once it is settled that they may.
struct Caller {
    let key: ClientKey
    /// Nil on paths that no policy speaks of.
    let policy: KeyPolicyCheck?
}

/// The stage Authenticate: from what a request shows to a caller, or to the reply that says why not. Pure; the data path and
/// `POST /admin/explain` ask the same.
enum Admission {
    /// Why nobody is let in, with the key that was shown if it is one of ours: the log names it.
    struct Refused: Error {
        let reply: LocalReply
        let key: ClientKey?

        init(_ errorClass: ErrorClass, _ message: String, _ key: ClientKey? = nil) {
            reply = LocalReply(errorClass, message, stage: .authenticate)
            self.key = key
        }
    }

    /// Nothing was shown.
    static var noKey: Refused {
        Refused(.authentication, "no API key was given: send it as x-api-key or Authorization: Bearer")
    }

    /// One header shows two.
    static var twoKeys: Refused { Refused(.badRequest, "one header shows two different API keys: send it once") }

    /// - Parameters:
    ///   - authentication: what became of the key that was shown.
    ///   - policy: looks up the key's policy in the snapshot; nil where it is not configured.
    ///   - address: the client's; nil where it has none that is known.
    static func admit(
        _ authentication: Authentication, policy: (ClientKey) -> KeyPolicyCheck?, address: AddressRange.Address?
    ) throws(Refused) -> Caller {
        switch authentication {
        case .unknown: throw Refused(.authentication, "the API key is not known")
        case .disabled(let key): throw Refused(.permission, "the API key is disabled", key)
        case .expired(let key): throw Refused(.permission, "the API key has expired", key)
        case .granted(let key):
            guard let policy = policy(key) else {
                throw Refused(.permission, "the API key's policy is not configured", key)
            }
            guard policy.isOpenToAll || address.map({ policy.allows(address: $0) }) ?? false else {
                throw Refused(.permission, "the API key may not be used from this address", key)
            }
            return Caller(key: key, policy: policy)
        }
    }
}
