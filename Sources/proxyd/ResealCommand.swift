import ArgumentParser
import Foundation
import ProxyCore

/// Decrypts a sealed secret.
struct UnsealCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unseal", abstract: "Decrypt a sealed secret from standard input.",
        discussion: """
            It takes ${sealed:…} or what stands in it. PROXYD_SEAL_KEY in the environment is the key; PROXYD_SEAL_KEY_OLD is tried \
            where that does not open it.
            """)

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        guard [Seal.keyVariable, Seal.oldKeyVariable].contains(where: { environment[$0]?.isEmpty == false }) else {
            throw ValidationError("\(Seal.keyVariable) is not set")
        }
        let input = String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
        var text = input.trimmingCharacters(in: .whitespacesAndNewlines)
        if text.hasPrefix("${sealed:"), text.hasSuffix("}") { text = String(text.dropFirst(9).dropLast()) }
        guard !text.isEmpty else { throw ValidationError("give the sealed secret on standard input") }
        do {
            print(try Seal.open(text, environment: environment).reveal())
        } catch {
            throw error.told("")
        }
    }
}

extension Seal.Failure {
    /// Says so, and how the process ends: a key that is none was typed wrong.
    fileprivate func told(_ place: String) -> ExitCode {
        Terminal.error("proxyd: \(place)\(self)\n")
        if case .badKey = self { return ExitCode(Exit.usage) }
        return ExitCode(Exit.failure)
    }
}

/// Seals what an old key sealed with a new one.
struct ResealCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reseal", abstract: "Seal the secrets of files anew, for a new key.",
        discussion: """
            PROXYD_SEAL_KEY_OLD opens what is there, PROXYD_SEAL_KEY seals it anew; a running proxyd that has both opens either. Each \
            file is replaced as a whole, or not at all. Without a file, standard input is sealed anew to standard output.
            """)

    @Argument(help: "Files that hold ${sealed:…}.", completion: .file())
    var files: [String] = []

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        func key(_ name: String) throws -> String {
            guard let key = environment[name], !key.isEmpty else { throw ValidationError("\(name) is not set") }
            return key
        }
        let (new, old) = (try key(Seal.keyVariable), try key(Seal.oldKeyVariable))
        if files.isEmpty {
            guard let input = String(validating: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self) else {
                throw Terminal.misuse("standard input is no text in UTF-8")
            }
            print(try reseal(input, "standard input", old, new).text, terminator: "")
            return
        }
        // All are read before one is written: a key that is wrong changes nothing.
        var fresh: [(path: String, text: String, count: Int)] = []
        for path in files {
            guard let text = String(validating: try InputFile.read(path), as: UTF8.self) else {
                Terminal.error("proxyd: \(path) is no text in UTF-8\n")
                throw ExitCode(Exit.failure)
            }
            let (resealed, count) = try reseal(text, path, old, new)
            fresh.append((path, resealed, count))
        }
        for (path, text, count) in fresh {
            if count > 0 { try replace(path, with: text) }
            print("\(path): \(count) sealed anew")
        }
    }

    private func reseal(_ text: String, _ name: String, _ old: String, _ new: String) throws -> (text: String, count: Int) {
        do {
            return try Seal.reseal(text, from: old, to: new)
        } catch {
            throw error.failure.told("\(name): line \(error.line): ")
        }
    }

    /// Replaces the file by renaming, with mode and owner of the old one, which may be the service's; a link keeps its place.
    private func replace(_ path: String, with text: String) throws {
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        do {
            try OutputFile.replace(target, by: text, partial: target + ".resealed")
        } catch {
            Terminal.error("proxyd: \(path) cannot be replaced: \(error)\n")
            throw ExitCode(Exit.cannotCreate)
        }
    }
}
