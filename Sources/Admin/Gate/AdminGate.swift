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

    /// What a call shows before it is answered.
    enum Requirement: Sendable {
        /// The dashboard's page, which holds nothing secret and asks for the key itself.
        case address
        case addressAndKey
    }

    func admit(_ request: LocalRequest, _ requirement: Requirement) throws(AdminFailure) {
        guard let admin = configuration.admin, admin.listener == nil || request.plane != .data else {
            throw AdminFailure.nothingHere
        }
        guard Self.isAllowed(request.clientAddress, admin.allowFrom) else {
            throw AdminFailure(.forbidden, "admin.allow_from does not have your address")
        }
        switch requirement {
        case .address: return
        case .addressAndKey: break
        }
        let shown = Self.shownKeys(request)
        guard !shown.isEmpty else {
            throw AdminFailure(
                .unauthorized, "show the admin key as x-api-key or Authorization: Bearer",
                headers: [("www-authenticate", "Bearer realm=\"proxyd admin\"")])
        }
        if let seconds = brake.pause(of: request.clientAddress, now: now) {
            metrics.counter(.adminKeysRefused, "paused").increment()
            throw AdminFailure(
                .tooManyRequests, "too many wrong admin keys came from your address; it may try again in \(seconds) s",
                headers: [("retry-after", String(seconds))])
        }
        let expected = SHA256.hash(data: Array(admin.key.reveal().utf8))
        // Digests compare in constant time, and all are compared, so that the time says nothing of the key.
        let matches = shown.reduce(0) { $0 + (SHA256.hash(data: Array($1.utf8)) == expected ? 1 : 0) }
        guard matches > 0, !admin.key.reveal().isEmpty else {
            refused(shown, request)
            throw AdminFailure(.forbidden, "this is not the admin key")
        }
        brake.right(from: request.clientAddress)
    }

    private func refused(_ shown: [String], _ request: LocalRequest) {
        metrics.counter(.adminKeysRefused, "wrong").increment()
        let key = SHA256.hash(data: Array(shown.joined(separator: "\n").utf8))
        guard let times = brake.wrong(key, from: request.clientAddress, now: now) else { return }
        logger.warning(
            "admin key refused",
            metadata: ["address": "\(request.clientAddress)", "count": "\(times)", "request": "\(request.requestID)"])
    }

    /// An empty list allows every address.
    private static func isAllowed(_ address: String, _ ranges: [AddressRange]) -> Bool {
        guard !ranges.isEmpty else { return true }
        // A link-local address may carry its zone: `fe80::1%eth0`.
        let bare = address.prefix { $0 != "%" }
        guard let address = AddressRange.Address(String(bare)) else { return false }
        return ranges.contains { $0.contains(address) }
    }

    private static func shownKeys(_ request: LocalRequest) -> [String] {
        request.headers.compactMap { field in
            switch field.name {
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
