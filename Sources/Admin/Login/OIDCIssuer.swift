import Dialects
import Foundation
import ProxyCore
import Synchronization

/// What is known of an issuer: where its endpoints are (OpenID Connect Discovery) and which keys it signs with. Both are asked for
/// when a login needs them, and kept for an hour.
///
/// Everybody may begin a login. So one question is on the way at a time, whoever waits for it, and an issuer that could not be asked
/// is not asked again for two seconds.
actor OIDCIssuer {
    /// Seconds that what was learnt is believed.
    static let memorySeconds = 3_600
    /// Seconds that a failure is believed.
    static let failureSeconds = 2
    /// How often within a minute keys are asked for anew because one is unknown.
    static let renewalsPerMinute = 6

    struct Discovery: Sendable {
        let authorization: OutgoingAddress
        /// The same address as it is written, for the browser.
        let authorizationText: String
        let token: OutgoingAddress
        let keys: OutgoingAddress
        /// Whether the client's secret goes into `Authorization`, or into the form.
        let takesBasic: Bool
    }

    /// Something asked for once.
    private struct Memory<Value: Sendable> {
        var question: Task<Value, any Error>
        /// Seconds of a clock that never goes back.
        var asked: Int
        var isFailure = false

        func isFresh(_ now: Int) -> Bool { now - asked < (isFailure ? failureSeconds : memorySeconds) }
    }

    nonisolated let provider: Configuration.OIDC
    private let caller: any OutgoingCaller
    private var discovery: Memory<Discovery>?
    private var keys: Memory<SigningKeys>?
    private var renewals: [Int] = []

    init(_ provider: Configuration.OIDC, caller: any OutgoingCaller) {
        self.provider = provider
        self.caller = caller
    }

    func discovered(now: Int) async throws -> Discovery {
        if let discovery, discovery.isFresh(now) { return try await discovery.question.value }
        let memory = Memory(question: Task { [provider, caller] in try await Self.discover(provider, caller) }, asked: now)
        discovery = memory
        do {
            return try await memory.question.value
        } catch {
            if discovery?.question == memory.question { discovery?.isFailure = true }
            throw error
        }
    }

    /// - Parameter isRenewal: one of the keys is unknown; there may be newer ones.
    func signingKeys(isRenewal: Bool, now: Int) async throws -> SigningKeys {
        if let keys, keys.isFresh(now), !isRenewal || !mayRenew(now) { return try await keys.question.value }
        let address = try await discovered(now: now).keys
        let memory = Memory(question: Task { [caller] in try await Self.fetchKeys(address, caller) }, asked: now)
        keys = memory
        do {
            return try await memory.question.value
        } catch {
            if keys?.question == memory.question { keys?.isFailure = true }
            throw error
        }
    }

    private func mayRenew(_ now: Int) -> Bool {
        renewals.removeAll { now - $0 >= 60 }
        guard renewals.count < Self.renewalsPerMinute else { return false }
        renewals.append(now)
        return true
    }

    // MARK: What goes out

    private static func discover(_ provider: Configuration.OIDC, _ caller: any OutgoingCaller) async throws -> Discovery {
        guard let base = OutgoingAddress(provider.issuer) else { throw LoginFailure(500, "admin.oidc.issuer is no address.") }
        let path = base.target(below: "/.well-known/openid-configuration")
        let body = try await get(base, path, "its configuration", caller)
        guard let document = (try? JSONValue(parsing: body, limits: AdminBody.tolerant))?.object else {
            throw LoginFailure(502, "The issuer's configuration is no JSON.")
        }
        // Another issuer's document would send people there (OpenID Connect Discovery §4.3).
        guard document["issuer"]?.string == provider.issuer else {
            throw LoginFailure(
                502, "The issuer goes by another name than admin.oidc.issuer says; write it as its configuration does.",
                vendorText: document["issuer"]?.string)
        }
        let methods = document["token_endpoint_auth_methods_supported"]?.array?.compactMap(\.string)
        let takesBasic = methods?.contains("client_secret_basic") ?? true
        guard provider.clientSecret == nil || takesBasic || methods?.contains("client_secret_post") == true else {
            throw LoginFailure(502, "The issuer takes a client's secret in no way that is known here.")
        }
        let authorization = try endpoint("authorization_endpoint", document)
        return Discovery(
            authorization: authorization, authorizationText: document["authorization_endpoint"]?.string ?? "",
            token: try endpoint("token_endpoint", document), keys: try endpoint("jwks_uri", document), takesBasic: takesBasic)
    }

    private static func endpoint(_ member: String, _ document: JSONObject) throws(LoginFailure) -> OutgoingAddress {
        guard let text = document[member]?.string, text.utf8.count <= 2_048, let address = OutgoingAddress(text) else {
            throw LoginFailure(502, "The issuer's configuration holds no \(member).")
        }
        guard address.url.isTLS || address.url.isOnThisMachine else {
            throw LoginFailure(502, "The issuer's \(member) is no https address.")
        }
        return address
    }

    private static func fetchKeys(_ address: OutgoingAddress, _ caller: any OutgoingCaller) async throws -> SigningKeys {
        guard let keys = SigningKeys(try await get(address, address.target, "its keys", caller)) else {
            throw LoginFailure(502, "The issuer's keys are no key set.")
        }
        return keys
    }

    private static func get(
        _ address: OutgoingAddress, _ target: String, _ what: String, _ caller: any OutgoingCaller
    ) async throws -> [UInt8] {
        let response: OutgoingResponse
        do {
            response = try await caller.call(
                OutgoingRequest(
                    url: address.url, target: target, timeout: .seconds(6), maximumResponse: 1 << 20))
        } catch {
            throw LoginFailure(502, "The issuer could not be asked for \(what): \(Self.reason(error)).")
        }
        guard response.status == 200 else {
            throw LoginFailure(502, "The issuer answered \(response.status) when asked for \(what).")
        }
        return response.body
    }

    static func reason(_ error: any Error) -> String {
        switch error as? OutgoingFailure {
        case .timeout: "it did not answer in time"
        case .unreachable(let message), .brokenResponse(let message): message
        case nil: "the call failed"
        }
    }
}

/// The issuer that the file names now; what is known of one is of no use for another.
final class OIDCIssuers: Sendable {
    private let current = Mutex<OIDCIssuer?>(nil)

    func issuer(_ provider: Configuration.OIDC, caller: any OutgoingCaller) -> OIDCIssuer {
        current.withLock { current in
            if let current, current.provider == provider { return current }
            let issuer = OIDCIssuer(provider, caller: caller)
            current = issuer
            return issuer
        }
    }
}
