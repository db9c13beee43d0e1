import ArgumentParser

/// The command line. `proxyd` alone runs the proxy.
@main
struct Proxyd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxyd",
        abstract: "A gateway between programs and large language models.",
        discussion: """
            One file, proxy.yaml, says what it does; saving the file changes it. Try it without any account: proxyd demo.
            """,
        version: Version.text,
        subcommands: [Run.self, Demo.self, Simulate.self, SealCommand.self, Reference.self],
        defaultSubcommand: Run.self)
}

enum Version {
    static let number = "0.1.0"
    static let text = "proxyd \(number)"
}
