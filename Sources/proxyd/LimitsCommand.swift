import Admin
import ArgumentParser

/// How much of which limit is used.
struct LimitsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limits", abstract: "Show how far limits are used, and block what runs away.",
        discussion: "PROXYD_ADMIN_KEY in the environment is an admin key, else it is that of --config.",
        subcommands: [List.self, Reset.self, Block.self, Unblock.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List limits and their buckets.")

        @Option(help: "Only those of a key: its id or its name.")
        var key: String?
        @Option(help: "Only the limit of that name.")
        var limit: String?
        @Option(help: "Only that bucket.")
        var bucket: String?
        @OptionGroup var table: TableOptions

        func run() async throws {
            let filter = AdminClient.LimitFilter(key: key, limit: limit, bucket: bucket)
            try await table.run { try await $0.limits(filter, $1) }
        }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset", abstract: "Let the counts of a bucket begin at zero.")

        @OptionGroup var options: OneBucket

        func run() async throws { try await options.change(.reset) }
    }

    struct Block: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "block", abstract: "Refuse a bucket from now on, and end its requests in flight.")

        @Option(name: .customLong("for"), help: "How long: 1h. Until it is lifted when it is left out.")
        var duration: String?
        @OptionGroup var options: OneBucket

        func run() async throws { try await options.change(.block, duration: duration) }
    }

    struct Unblock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "unblock", abstract: "Lift a block.")

        @OptionGroup var options: OneBucket

        func run() async throws { try await options.change(.unblock) }
    }

    /// What a command takes that changes one bucket.
    struct OneBucket: ParsableArguments {
        @Argument(help: "The limit's name.")
        var limit: String
        @Argument(help: "The bucket.")
        var bucket: String
        @OptionGroup var admin: AdminOptions

        func change(_ action: AdminClient.LimitAction, duration: String? = nil) async throws {
            try await admin.run { try await $0.change(limit: limit, bucket: bucket, action, duration: duration) }
        }
    }
}
