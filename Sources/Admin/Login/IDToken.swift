import Dialects
import Foundation

import enum Basics.Base64

/// An ID token taken apart: a signed set of claims (RFC 7515, compact). What it says is believed by nobody before `SigningKeys` has
/// found it genuine, and `problem` nothing wrong with it.
struct IDToken: Sendable {
    let algorithm: SignatureAlgorithm
    let keyID: String?
    /// What is signed.
    let signed: [UInt8]
    let signature: [UInt8]
    let claims: JSONObject

    /// Bytes; the largest that are known, with hundreds of groups, have a quarter of it.
    static let maximumSize = 128 << 10
    /// How far the issuer's clock and this one may be apart.
    static let leewaySeconds = 60.0

    /// What is wrong with it, in our words.
    struct Problem: Error, Hashable {
        let text: String

        init(_ text: String) { self.text = text }
    }

    private static let limits = JSONValue.Limits(depth: 32, count: 20_000, duplicates: .refuse)

    init(_ text: String) throws(Problem) {
        guard text.utf8.count <= Self.maximumSize else { throw Problem("is larger than \(Self.maximumSize >> 10) KiB") }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let head = Base64.decodeURL(parts[0]), let payload = Base64.decodeURL(parts[1]),
            let signature = Base64.decodeURL(parts[2])
        else { throw Problem("is no signed token") }
        guard let header = Self.object(head), let claims = Self.object(payload) else { throw Problem("is no signed JSON") }
        // Whoever does not understand what must be understood has to refuse it.
        guard header["crit"] == nil else { throw Problem("asks for an extension that is not known here") }
        guard let named = header["alg"]?.string else { throw Problem("does not say how it is signed") }
        guard let algorithm = SignatureAlgorithm(rawValue: named) else {
            let known = SignatureAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem("is not signed in a way that counts here (\(known))")
        }
        self.algorithm = algorithm
        keyID = header["kid"]?.string
        signed = Array("\(parts[0]).\(parts[1])".utf8)
        self.signature = signature
        self.claims = claims
    }

    private static func object(_ bytes: [UInt8]) -> JSONObject? {
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        return (try? JSONValue(parsing: bytes, limits: limits))?.object
    }

    /// Whether the claims are those of this login (OpenID Connect Core §3.1.3.7); nil: they are.
    func problem(issuer: String, clientID: String, nonce: String, now: Date) -> Problem? {
        let now = now.timeIntervalSince1970
        guard claims["iss"]?.string == issuer else { return Problem("is another issuer's") }
        let audience = claims["aud"]?.array?.map(\.string) ?? [claims["aud"]?.string]
        guard audience.contains(clientID) else { return Problem("is meant for another client") }
        let party = claims["azp"]?.string
        guard claims["azp"] == nil || party == clientID, audience.count == 1 || party == clientID else {
            return Problem("was given to another client")
        }
        guard let subject = claims["sub"]?.string, !subject.isEmpty else { return Problem("does not say who it is about") }
        guard let expires = claims["exp"]?.double, let issued = claims["iat"]?.double, expires.isFinite, issued.isFinite else {
            return Problem("does not say from when to when it holds")
        }
        guard expires + Self.leewaySeconds > now else { return Problem("has expired") }
        guard issued - Self.leewaySeconds <= now else { return Problem("comes from the future; a clock is wrong") }
        if let begin = claims["nbf"] {
            guard let begin = begin.double, begin - Self.leewaySeconds <= now else { return Problem("does not hold yet") }
        }
        guard let shown = claims["nonce"]?.string, LarkSignatures.same(shown, nonce) else {
            return Problem("belongs to another login")
        }
        return nil
    }
}
