/// Why a running proxyd did not do what the command line asked; each has a sentence for who typed it.
public enum RemoteFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was typed cannot be asked.
    case usage(String)
    /// Nobody answers at the address.
    case unreachable(String)
    /// The admin key is wrong, or its role is not enough.
    case forbidden(String)
    /// It was understood and not done: there is no such key, a name is taken.
    case refused(String)
    /// proxyd cannot do it now, or something is wrong there.
    case failed(String)

    public var description: String {
        switch self {
        case .usage(let text), .unreachable(let text), .forbidden(let text), .refused(let text), .failed(let text): text
        }
    }
}
