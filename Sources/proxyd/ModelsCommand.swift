import Admin
import ArgumentParser

/// What can be asked for.
struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "List the models that can be asked for, and where each would go.",
        discussion: """
            The running proxyd is asked; PROXYD_ADMIN_KEY in the environment is an admin key, else it is that of --config. What a rule \
            decides by a condition is listed with it.
            """)

    @Option(help: "Those that a policy allows; default when it is left out.")
    var policy: String?
    @OptionGroup var table: TableOptions

    func run() async throws {
        try await table.run { try await $0.models(policy: policy, $1) }
    }
}
