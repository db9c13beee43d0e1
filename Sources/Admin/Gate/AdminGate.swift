import Crypto
import Foundation
import Logging
import ProxyCore

/// Who may use the admin plane: the plane must exist, the listener be its own, the address allowed, the key right.
struct AdminGate: Sendable {
    let configuration: Configuration
    let brake: GuessBrake
    let metrics: MetricsRegistry
    let logger: Logger
    let now: Date
    let sessions: LoginSessions
    /// Seconds of a clock that never goes back.
    let steady: Int

    /// What a call wants before it is answered.
    enum Right: Sendable {
        /// No key: the dashboard's page, which holds nothing secret and asks for the key itself.
        case page
        case metrics
        case look
        case change
    }

    /// Who calls.
    struct Caller: Sendable {
        /// The name of the admin key.
        let name: String
        let role: AdminRole
        let address: String
        var means = Means.key

        /// How the caller has shown who they are.
        enum Means: Sendable, Hashable {
            case key
            case session
        }
    }

    /// Lets in whoever shows an admin key from an address that may, or the cookie of a session. Whether the role is enough, `check`
    /// says.
    ///
    /// - Returns: nil where no key is asked for.
    func admit(_ request: LocalRequest, _ right: Right) throws(AdminFailure) -> Caller? {
        guard let admin = configuration.admin, admin.listener == nil || request.plane != .data else {
            throw AdminFailure.nothingHere
        }
        guard admin.takesCalls || right == .metrics && admin.hasOpenMetrics else { throw AdminFailure.nothingHere }
        guard Self.isAllowed(request.clientAddress, admin.allowFrom) else {
            throw AdminFailure(.forbidden, "admin.allow_from does not have your address")
        }
        switch right {
        case .page: return nil
        case .metrics where admin.hasOpenMetrics: return nil
        case .metrics, .look, .change: break
        }
        let shown = Self.shownKeys(request)
        if shown.isEmpty, let id = request.cookie(Cookies.session) { return try owner(ofSession: id, request, admin) }
        guard !shown.isEmpty else {
            throw AdminFailure(.unauthorized, "show the admin key as x-api-key or Authorization: Bearer", headers: Self.challenge)
        }
        let key = try owner(of: shown, request, right)
        return Caller(name: key.name, role: key.role, address: request.clientAddress)
    }

    private static let challenge = [(name: "www-authenticate", value: "Bearer realm=\"proxyd admin\"")]

    /// The owner of the session. A change has to come from a page of this origin: a browser sends its cookies along whoever makes
    /// it ask.
    private func owner(
        ofSession id: String, _ request: LocalRequest, _ admin: Configuration.Admin
    ) throws(AdminFailure) -> Caller {
        guard let session = sessions.find(id, in: admin, now: steady) else {
            throw AdminFailure(.unauthorized, "the session is over; log in again", headers: Self.challenge)
        }
        guard request.method == "GET" || request.method == "HEAD" || request.isOfOwnOrigin else {
            throw AdminFailure(
                .forbidden, "by a session only pages of this origin change something (Origin, Sec-Fetch-Site); show an admin key")
        }
        return Caller(name: session.name, role: session.role, address: request.clientAddress, means: .session)
    }

    /// The admin key that is shown, if the address need not wait.
    func owner(of shown: [String], _ request: LocalRequest, _ right: Right) throws(AdminFailure) -> AdminKey {
        try checkPause(request)
        let known = Self.known(shown, configuration.admin?.keys ?? [])
        guard let key = known.first(where: { Self.isAllowed(right, to: $0.role) }) ?? known.first else {
            guessed(shown, request)
            throw AdminFailure(.forbidden, "this is not the admin key")
        }
        brake.right(from: request.clientAddress)
        return key
    }

    /// Who guessed too often has to wait.
    func checkPause(_ request: LocalRequest) throws(AdminFailure) {
        if let seconds = brake.pause(of: request.clientAddress, now: now) {
            metrics.counter(.adminKeysRefused, "paused").increment()
            throw AdminFailure(
                .tooManyRequests, "too many wrong admin keys came from your address; it may try again in \(seconds) s",
                headers: [("retry-after", String(seconds))])
        }
    }

    static func check(_ right: Right, of caller: Caller?) throws(AdminFailure) {
        guard let caller, !isAllowed(right, to: caller.role) else { return }
        let may = caller.role == .metrics ? "may read /metrics alone" : "may look at everything and change nothing"
        switch caller.means {
        case .key:
            throw AdminFailure(.roleForbidden, "the admin key '\(caller.name)' has the role \(caller.role.rawValue): it \(may)")
        case .session:
            throw AdminFailure(.roleForbidden, "'\(caller.name)' has the role \(caller.role.rawValue), which \(may)")
        }
    }

    /// The admin keys that are shown. Digests compare in constant time, and all are compared, so that the time says nothing of the
    /// keys.
    private static func known(_ shown: [String], _ keys: [AdminKey]) -> [AdminKey] {
        let digests = shown.map { SHA256.hash(data: Array($0.utf8)) }
        return keys.filter { key in
            let expected = SHA256.hash(data: Array(key.key.reveal().utf8))
            let matches = digests.reduce(0) { $0 + ($1 == expected ? 1 : 0) }
            return matches > 0 && !key.key.reveal().isEmpty
        }
    }

    private static func isAllowed(_ right: Right, to role: AdminRole) -> Bool {
        switch (role, right) {
        case (.admin, _), (.viewer, .page), (.viewer, .metrics), (.viewer, .look), (.metrics, .page), (.metrics, .metrics): true
        case (.viewer, .change), (.metrics, .look), (.metrics, .change): false
        }
    }

    /// Notes a wrong guess.
    func guessed(_ shown: [String], _ request: LocalRequest) {
        metrics.counter(.adminKeysRefused, "wrong").increment()
        let key = SHA256.hash(data: Array(shown.joined(separator: "\n").utf8))
        guard let times = brake.wrong(key, from: request.clientAddress, now: now) else { return }
        logger.warning(
            "admin key refused",
            metadata: [
                LogKeys.address: "\(request.clientAddress)", LogKeys.count: "\(times)", LogKeys.request: "\(request.requestID)",
            ])
    }

    /// An empty list allows every address.
    private static func isAllowed(_ address: String, _ ranges: [AddressRange]) -> Bool {
        guard !ranges.isEmpty else { return true }
        // A link-local address may carry its zone: `fe80::1%eth0`.
        let bare = address.prefix { $0 != "%" }
        guard let address = AddressRange.Address(String(bare)) else { return false }
        return ranges.contains { $0.contains(address) }
    }

    /// The first key of each kind of field: to look at a hundred of them would allow a hundred guesses at the price of one.
    static func shownKeys(_ request: LocalRequest) -> [String] {
        var kinds: Set<String> = []
        return request.headers.compactMap { field -> String? in
            guard kinds.insert(field.name).inserted else { return nil }
            return switch field.name {
            case "x-api-key", "x-admin-key", "api-key": field.value.isEmpty ? nil : field.value
            case "authorization": bearer(field.value)
            default: nil
            }
        }
    }

    private static func bearer(_ value: String) -> String? {
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        let token = parts[1].drop { $0 == " " }
        return token.isEmpty ? nil : String(token)
    }
}
