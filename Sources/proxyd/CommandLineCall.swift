import Admin
import ArgumentParser
import Foundation

/// One call of the command line: a command is found and run, or what was mistyped is told.
enum CommandLineCall {
    static func run(_ arguments: [String]) async {
        // What `run` was called before.
        let arguments = arguments.first == "serve" ? ["run"] + arguments.dropFirst() : arguments
        if let problem = unknownCommand(in: arguments) {
            Terminal.error("proxyd: \(problem)\n")
            exit(Exit.usage)
        }
        do {
            var command = try await Proxyd.asyncParseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            end(error)
        }
    }

    /// Ends the process as the parser would, with unknown options told in our words.
    private static func end(_ error: any Error) -> Never {
        guard Proxyd.exitCode(for: error).rawValue == Exit.usage, !(error is ExitCode) else { Proxyd.exit(withError: error) }
        let message = Proxyd.fullMessage(for: error)
        Terminal.error((MistypedWord.retold(message) ?? message) + "\n")
        exit(Exit.usage)
    }

    /// nil where the words lead to a command, or to one that takes words of its own.
    private static func unknownCommand(in arguments: [String]) -> String? {
        var command: any ParsableCommand.Type = Proxyd.self
        var path: [String] = []
        for word in arguments {
            let subcommands = command.configuration.subcommands
            guard !subcommands.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
            let next = subcommands.first { $0._commandName == word || $0.configuration.aliases.contains(word) }
            guard let next else {
                let shown = subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
                return MistypedWord.unknown(command: word, of: path, commands: shown)
            }
            command = next
            path.append(word)
        }
        return nil
    }
}
