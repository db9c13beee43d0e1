import Crypto
import Dialects
import Foundation

/// What seals the items that only this proxyd reads again, such as summaries of conversations: AES-256-GCM.
///
/// The key follows from `PROXYD_SEAL_KEY` where there is one, so that nodes with the same key open each other's items; else it is
/// made once and kept in the state directory.
public struct ItemSeal: Sendable {
    private let keys: [SymmetricKey]

    /// - Parameter keys: the first one seals, all of them open.
    private init(_ keys: [SymmetricKey]) { self.keys = keys }

    /// A seal under a key that goes with the process.
    public static func passing() -> ItemSeal { ItemSeal([SymmetricKey(size: .bits256)]) }

    /// A seal under what the environment and the state directory have.
    /// - Throws: that the key's file can neither be read nor made.
    public static func of(directory: String, environment: [String: String]) throws -> ItemSeal {
        var keys = [Seal.keyVariable, Seal.oldKeyVariable].compactMap { environment[$0] }.filter { !$0.isEmpty }.map(derived)
        let path = directory + "/" + fileName
        if case .success(let kept) = InputFiles.load(path) {
            guard kept.bytes.count == 32 else { throw Damaged() }
            keys.append(SymmetricKey(data: kept.bytes))
        } else if keys.isEmpty {
            let key = SymmetricKey(size: .bits256)
            try write(key.withUnsafeBytes { Array($0) }, to: path)
            keys.append(key)
        }
        return ItemSeal(keys)
    }

    struct Damaged: Error, CustomStringConvertible {
        var description: String { "\(ItemSeal.fileName) in the state directory is damaged; it has 32 bytes" }
    }

    static let fileName = "items.key"

    /// What conversions seal and open items with.
    public var sealing: ItemSealing {
        ItemSealing(seal: { seal($0) }, open: { open($0) })
    }

    func seal(_ plain: [UInt8]) -> [UInt8]? {
        guard let key = keys.first,
            let combined = try? AES.GCM.seal(Data(plain), using: key, authenticating: Self.context).combined
        else { return nil }
        return Array(combined)
    }

    func open(_ sealed: [UInt8]) -> [UInt8]? {
        guard let box = try? AES.GCM.SealedBox(combined: Data(sealed)) else { return nil }
        for key in keys {
            if let plain = try? AES.GCM.open(box, using: key, authenticating: Self.context) { return Array(plain) }
        }
        return nil
    }

    private static let context = Data("proxyd item v1".utf8)

    private static func derived(_ text: String) -> SymmetricKey {
        HKDF<Crypto.SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: Data(text.utf8)), info: Data("proxyd items v1".utf8), outputByteCount: 32)
    }

    /// Whole or not at all, and the owner's alone.
    private static func write(_ bytes: [UInt8], to path: String) throws {
        let fresh = path + ".new"
        unlink(fresh)
        let file = try OutputFile(fresh)
        try file.write(bytes)
        try file.replace(path, mode: 0o600)
    }
}
