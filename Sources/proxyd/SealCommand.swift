import ArgumentParser
import Foundation
import ProxyCore

/// Encrypts a secret for `${sealed:…}`.
struct SealCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seal",
        abstract: "Encrypt a secret from standard input for use as ${sealed:…} in the configuration.",
        discussion: "PROXYD_SEAL_KEY in the environment is the key; --new-key prints a fresh one.")

    @Flag(help: "Print a new key and exit.")
    var newKey = false

    func run() throws {
        if newKey {
            print(Seal.makeKey())
            return
        }
        guard let key = ProcessInfo.processInfo.environment["PROXYD_SEAL_KEY"] else {
            throw ValidationError("PROXYD_SEAL_KEY is not set; proxyd seal --new-key makes one")
        }
        let secret = try Self.secret(from: Array(FileHandle.standardInput.readDataToEndOfFile()))
        do {
            print("${sealed:\(try Seal.seal(secret, key: key))}")
        } catch {
            throw Terminal.misuse("\(error)")
        }
    }

    /// The secret without the end of its last line. Files of the configuration are UTF-8, and so is what they hold.
    private static func secret(from input: [UInt8]) throws -> String {
        var secret = input
        if secret.last == UInt8(ascii: "\n") { secret.removeLast() }
        if secret.last == UInt8(ascii: "\r") { secret.removeLast() }
        guard !secret.isEmpty else { throw ValidationError("give the secret on standard input") }
        guard let text = String(validating: secret, as: UTF8.self) else {
            throw Terminal.misuse("the secret is not UTF-8; encode it first, for example in base64")
        }
        return text
    }
}
