import Admin
import ArgumentParser

/// Clients' keys of a running proxyd.
struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "List, make and change clients' keys of the running proxyd.",
        discussion: """
            PROXYD_ADMIN_KEY in the environment is an admin key, else it is that of --config. KEY is a key's id, its name, or the key \
            itself.
            """,
        subcommands: [List.self, Create.self, Disable.self, Enable.self, Rotate.self, Delete.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List the keys, the oldest first.")

        @Option(help: "Only keys whose name, id, policy or tags hold this text.")
        var search: String?
        @OptionGroup var table: TableOptions

        func run() async throws {
            try await table.run { try await $0.listKeys(search: search, $1) }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Make a key, and print it: it is shown this once.")

        @Argument(help: "Whose key it is; no other key may have the name.")
        var name: String
        @Option(help: "The name of a policy.")
        var policy: String?
        @Option(name: .customLong("tag"), help: "A tag as name=value; may be given several times.")
        var tags: [String] = []
        @Option(help: "When it ends: 2027-01-31T00:00:00+08:00, or how long it lives: 30d.")
        var expires: String?
        @OptionGroup var table: TableOptions

        func run() async throws {
            var pairs: [String: String] = [:]
            for tag in tags {
                let parts = tag.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, !parts[0].isEmpty else { throw ValidationError("a tag is written name=value") }
                guard pairs[String(parts[0])] == nil else { throw ValidationError("--tag gives '\(parts[0])' twice") }
                pairs[String(parts[0])] = String(parts[1])
            }
            let tags = pairs
            try await table.run {
                try await $0.createKey(name: name, policy: policy, tags: tags, expires: expires, $1)
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate", abstract: "Give a key a new text, and print it; the old one works until the overlap ends.")

        @Argument(help: "The key.")
        var key: String
        @Option(help: "How long the old text works still: 24h, 30m, 0s. A day when it is left out.")
        var overlap: String?
        @OptionGroup var table: TableOptions

        func run() async throws {
            try await table.run { try await $0.rotateKey(key, overlap: overlap, $1) }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable", abstract: "Refuse a key from the next request on.")

        @OptionGroup var options: OneKey

        func run() async throws { try await options.change(.disable) }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "enable", abstract: "Let a disabled key in again.")

        @OptionGroup var options: OneKey

        func run() async throws { try await options.change(.enable) }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a key; its usage stays, under its name.")

        @OptionGroup var options: OneKey

        func run() async throws { try await options.change(.delete) }
    }

    /// What a command takes that changes one key and says no more than that.
    struct OneKey: ParsableArguments {
        @Argument(help: "The key.")
        var key: String
        @OptionGroup var admin: AdminOptions

        func change(_ action: AdminClient.KeyAction) async throws {
            try await admin.run { try await $0.change(key: key, action) }
        }
    }
}
