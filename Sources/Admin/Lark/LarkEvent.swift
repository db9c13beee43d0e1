import Dialects
import Foundation
import ProxyCore

/// An event that Lark posted, found genuine and decrypted, in that order.
///
/// With an encrypt key, nothing of an event is looked into before its signature fits: whoever could see what becomes of a text that
/// he made up would learn, byte by byte, what a captured event says. The one thing that Lark does not sign is the verification of an
/// address; of an unsigned text only that comes out, and everything else about it has one answer.
struct LarkEvent {
    /// What a verification of this address has to be answered with.
    let challenge: String?
    let type: String
    /// The event's own JSON.
    let body: [UInt8]
    /// What Lark sent along, when the body is still the one it signed.
    let headers: [(name: String, value: String)]

    var isCardAction: Bool { type.hasPrefix("card.action.trigger") }

    init(_ request: LocalRequest, lark: Configuration.Lark, signatures: LarkSignatures, now: Date) throws(AdminFailure) {
        let event: JSONObject
        if let key = lark.encryptKey, request.header("x-lark-signature") == nil {
            guard let found = Self.unsignedChallenge(in: request.body, key) else { throw Self.notGenuine }
            event = found
            body = request.body
            headers = []
        } else {
            if let key = lark.encryptKey {
                guard signatures.accept(request, key: key, now: now) else { throw Self.notGenuine }
            }
            let outer = try AdminBody.object(request.body, limits: AdminBody.tolerant)
            if let encrypted = outer["encrypt"]?.string {
                guard let key = lark.encryptKey else { throw Self.notGenuine }
                // The signature fits, so this is Lark's own text, and its sender may know what is wrong with it.
                guard let clear = LarkCipher(key).open(encrypted) else {
                    throw AdminFailure(.badRequest, "the event cannot be decrypted; check lark.encrypt_key")
                }
                event = try AdminBody.object(clear, limits: AdminBody.tolerant)
                body = clear
                headers = []
            } else {
                event = outer
                body = request.body
                headers = request.headers.filter { $0.name.hasPrefix("x-lark-") }
            }
        }
        challenge = Self.challenge(of: event)
        type = event["header"]?["event_type"]?.string ?? ""
        if let expected = lark.verificationToken {
            let shown = event["header"]?["token"]?.string ?? event["token"]?.string
            guard let shown, LarkSignatures.same(shown, expected.reveal()) else { throw Self.notGenuine }
        }
    }

    /// One answer for every mismatch.
    private static var notGenuine: AdminFailure {
        AdminFailure(.forbidden, "this is no event of Lark's; check lark.encrypt_key and lark.verification_token")
    }

    /// The verification of an address that an unsigned, encrypted body holds. What is no such thing takes the same way through here,
    /// whether its padding fits or not.
    private static func unsignedChallenge(in bytes: [UInt8], _ key: Secret) -> JSONObject? {
        guard let outer = try? AdminBody.object(bytes, limits: AdminBody.tolerant), let encrypted = outer["encrypt"]?.string,
            let clear = LarkCipher(key).openLeniently(encrypted),
            let event = try? AdminBody.object(clear.bytes, limits: AdminBody.tolerant), clear.isWhole,
            challenge(of: event) != nil, event["header"] == nil, event["event"] == nil
        else { return nil }
        return event
    }

    /// A text, and a short one: it is sent back to whoever posted it.
    private static func challenge(of event: JSONObject) -> String? {
        guard let text = event["challenge"]?.string, text.utf8.count <= 1_024 else { return nil }
        return text
    }
}
