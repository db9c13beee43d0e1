import ArgumentParser

/// The command line. `proxyd` alone runs the proxy.
struct Proxyd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxyd",
        abstract: "A gateway between programs and large language models.",
        discussion: """
            proxyd alone runs it: proxyd [--config FILE], which is /etc/proxyd/proxy.yaml when it is left out. proxyd --check-config \
            [-c FILE] [--format text|json] reports every problem of the file and exits: 0 when it could run, 78 when not.

            One file, proxy.yaml, says what it does; saving the file changes it. proxyd init writes a first one. Try it without any \
            account: proxyd demo.
            """,
        version: Version.text,
        subcommands: [
            RunCommand.self, CheckCommand.self, ReloadCommand.self, RollbackCommand.self, ExplainCommand.self, EvalCommand.self,
            ReplayCommand.self, UsageCommand.self, KeysCommand.self, LimitsCommand.self, ModelsCommand.self, PresetsCommand.self,
            HealthCommand.self, InitCommand.self, ImportCommand.self, AuditCommand.self, BackupCommand.self, RestoreCommand.self,
            LedgerCommand.self, StoreCommand.self, SealCommand.self, UnsealCommand.self, ResealCommand.self, Simulate.self,
            Demo.self, CompletionsCommand.self, VersionCommand.self,
            Reference.self,
        ], defaultSubcommand: RunCommand.self)

    static let defaultPath = "/etc/proxyd/proxy.yaml"
}

/// The version of the program.
enum Version {
    static let number = "0.1.0"
    static let text = "proxyd \(number)"
}
