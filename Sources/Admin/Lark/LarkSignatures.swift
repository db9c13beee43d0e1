import Crypto
import Foundation
import Logging
import ProxyCore
import Synchronization

import enum Basics.Hex

/// Finds out whether Lark signed a request: SHA-256 over timestamp, nonce, encrypt key and body, at most five minutes old, each once.
///
/// Only what is rightly signed is remembered, so that nobody but Lark can fill the memory.
final class LarkSignatures: Sendable {
    /// How far Lark's clock and this one may be apart, in either direction.
    static let toleranceSeconds = 300
    private static let capacity = 65_536
    private let used: OnceOnly
    private let file: SignatureFile?

    /// - Parameter directory: where used signatures are kept, so that a restart makes none of them new; nil for nowhere.
    init(directory: String? = nil, logger: Logger? = nil) {
        file = directory.map { SignatureFile(directory: $0, logger: logger) }
        used = OnceOnly(capacity: Self.capacity, taken: file?.found ?? [:])
    }

    /// Whether the request is Lark's, of now, and the first with this signature.
    func accept(_ request: LocalRequest, key: Secret, now: Date) -> Bool {
        guard let signature = request.header("x-lark-signature")?.lowercased() else { return false }
        let timestamp = request.header("x-lark-request-timestamp") ?? ""
        var hash = SHA256()
        hash.update(data: Array(timestamp.utf8))
        hash.update(data: Array((request.header("x-lark-request-nonce") ?? "").utf8))
        hash.update(data: Array(key.reveal().utf8))
        hash.update(data: request.body)
        let now = Int(clamping: now)
        guard Self.same(signature, Hex.text(hash.finalize())), let time = Self.seconds(timestamp),
            abs(now - time) <= Self.toleranceSeconds
        else { return false }
        let until = time + Self.toleranceSeconds + 1
        guard used.take(signature, until: until, now: now) else { return false }
        file?.keep(signature, until: until, capacity: Self.capacity) { used.unended(now: now) }
        return true
    }

    /// Seconds since 1970, written in one way only. The nonce follows at once: digits could wander from one to the other.
    private static func seconds(_ text: String) -> Int? {
        guard (1...11).contains(text.utf8.count), let number = Int(text), number >= 0, String(number) == text else { return nil }
        return number
    }

    /// Equal, without the time telling where they differ.
    static func same(_ a: String, _ b: String) -> Bool {
        SHA256.hash(data: Array(a.utf8)) == SHA256.hash(data: Array(b.utf8))
    }
}

/// Texts that may come once, each until it ends by itself. Bounded: what would end first gives way.
final class OnceOnly: Sendable {
    private let capacity: Int
    /// When each ends, in seconds since 1970.
    private let taken: Mutex<[String: Int]>

    init(capacity: Int, taken: [String: Int] = [:]) {
        self.capacity = capacity
        self.taken = Mutex(taken)
    }

    /// Those that may not come, and when each ends.
    func unended(now: Int) -> [String: Int] { taken.withLock { $0.filter { $0.value > now } } }

    /// Whether it was still unused.
    func take(_ text: String, until expires: Int, now: Int) -> Bool {
        taken.withLock { taken in
            guard taken[text] == nil else { return false }
            if taken.count >= capacity {
                taken = taken.filter { $0.value > now }
                if taken.count >= capacity, let first = taken.min(by: { $0.value < $1.value }) { taken[first.key] = nil }
            }
            taken[text] = expires
            return true
        }
    }
}
