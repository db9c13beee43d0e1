import Admin
import ArgumentParser
import Foundation

/// One call of the command line: a command is found and run, or what was mistyped is told.
enum CommandLineCall {
    /// What is done before anything else runs, on this thread: what scripts ask for. Anything else comes back, to be run.
    static func begin(_ arguments: [String]) -> [String] {
        if arguments == ["--version"] {
            print(Version.text)
            exit(0)
        }
        // What `run` was called before.
        let arguments = arguments.first == "serve" ? ["run"] + arguments.dropFirst() : arguments
        if let call = RunCall(plain: arguments), call.checks {
            do {
                try call.check()
                StandardOutput.finish(RunCommand.self)
                exit(0)
            } catch {
                end(error, RunCommand.self, arguments)
            }
        }
        return arguments
    }

    static func run(_ arguments: [String]) async {
        if let call = RunCall(plain: arguments) {
            do {
                try await call.run()
                return StandardOutput.finish(RunCommand.self)
            } catch {
                end(error, RunCommand.self, arguments)
            }
        }
        if let problem = MistypedWord.emptyOption(in: arguments) ?? unknownCommand(in: arguments) {
            Terminal.error("proxyd: \(problem)\n")
            exit(Exit.usage)
        }
        var kind: any ParsableCommand.Type = Proxyd.self
        do {
            var command = try await Proxyd.asyncParseAsRoot(arguments)
            kind = type(of: command)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            StandardOutput.finish(kind)
        } catch {
            end(error, kind, arguments)
        }
    }

    /// Ends the process as the parser would, with its errors told in our words, and the usage of the command that was meant.
    private static func end(_ error: any Error, _ kind: any ParsableCommand.Type, _ arguments: [String]) -> Never {
        // Why was told.
        if let code = error as? ExitCode { exit(code.rawValue) }
        let code = Proxyd.exitCode(for: error)
        guard !code.isSuccess else { Proxyd.exit(withError: error) }
        var message = Proxyd.fullMessage(for: error)
        // What a command finds while it runs, the parser takes for the whole program's.
        if let problem = error as? ValidationError { message = "Error: \(problem.message)" + usage(of: kind) }
        Terminal.error(MistypedWord.retold(message, of: arguments) + "\n")
        exit(code.rawValue)
    }

    private static func usage(of kind: any ParsableCommand.Type) -> String {
        let help = Proxyd.helpMessage(for: kind, columns: 100_000)
        let line = help.split(separator: "\n").first { $0.hasPrefix("USAGE: ") }
        guard let line, let path = path(to: kind, from: Proxyd.self) else { return "" }
        return "\nUsage: \(line.dropFirst(7))\n  See '\(path.joined(separator: " ")) --help' for more information."
    }

    /// `proxyd`, `keys`, `create`.
    private static func path(to kind: any ParsableCommand.Type, from command: any ParsableCommand.Type) -> [String]? {
        if command == kind { return [command._commandName] }
        for next in command.configuration.subcommands {
            if let rest = path(to: kind, from: next) { return [command._commandName] + rest }
        }
        return nil
    }

    /// nil where the words lead to a command, or to one that takes words of its own.
    private static func unknownCommand(in arguments: [String]) -> String? {
        var command: any ParsableCommand.Type = Proxyd.self
        var path: [String] = []
        let words = arguments.first == "help" ? arguments.dropFirst() : arguments[...]
        for word in words {
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
