import ArgumentParser

/// What shells complete.
struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print the script that completes proxyd's commands and options in a shell.",
        discussion: """
            bash: proxyd completions bash > /etc/bash_completion.d/proxyd. zsh: proxyd completions zsh > "${fpath[1]}/_proxyd". fish: \
            proxyd completions fish > ~/.config/fish/completions/proxyd.fish.
            """)

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish

        var shell: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() { print(Proxyd.completionScript(for: shell.shell), terminator: "") }
}

/// `proxyd version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version, as --version does.")

    func run() { print(Version.text) }
}
