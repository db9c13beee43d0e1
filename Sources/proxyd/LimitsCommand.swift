import Admin
import ArgumentParser

/// How much of which limit is used.
struct LimitsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limits", abstract: "Show how far limits are used, and block what runs away.",
        discussion: "PROXYD_ADMIN_KEY in the environment is an admin key.",
        subcommands: [List.self, Reset.self, Block.self, Unblock.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List limits and their buckets.")

        @Option(help: "Only those of a key: its id or its name.")
        var key: String?
        @Option(help: "Only the limit of that name.")
        var limit: String?
        @Option(help: "Only that bucket.")
        var bucket: String?
        @OptionGroup var format: FormatOptions
        @OptionGroup var admin: AdminOptions

        func run() async throws {
            let filter = AdminClient.LimitFilter(key: key, limit: limit, bucket: bucket)
            try await Remote.run { try await admin.client().limits(filter, format.format) }
        }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let the counts of a bucket begin at zero.")

        @Argument(help: "The limit's name.")
        var limit: String
        @Argument(help: "The bucket.")
        var bucket: String
        @OptionGroup var admin: AdminOptions

        func run() async throws {
            try await Remote.run { try await admin.client().change(limit: limit, bucket: bucket, .reset) }
        }
    }

    struct Block: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuse a bucket from now on, and end its requests in flight.")

        @Argument(help: "The limit's name.")
        var limit: String
        @Argument(help: "The bucket.")
        var bucket: String
        @Option(name: .customLong("for"), help: "How long: 1h.")
        var duration: String?
        @OptionGroup var admin: AdminOptions

        func run() async throws {
            try await Remote.run {
                try await admin.client().change(limit: limit, bucket: bucket, .block, duration: duration)
            }
        }
    }

    struct Unblock: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lift a block.")

        @Argument(help: "The limit's name.")
        var limit: String
        @Argument(help: "The bucket.")
        var bucket: String
        @OptionGroup var admin: AdminOptions

        func run() async throws {
            try await Remote.run { try await admin.client().change(limit: limit, bucket: bucket, .unblock) }
        }
    }
}
