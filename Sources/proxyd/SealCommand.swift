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
        var secret = Array(FileHandle.standardInput.readDataToEndOfFile())
        if secret.last == UInt8(ascii: "\n") { secret.removeLast() }
        guard !secret.isEmpty else { throw ValidationError("give the secret on standard input") }
        print("${sealed:\(try Seal.seal(String(decoding: secret, as: UTF8.self), key: key))}")
    }
}
