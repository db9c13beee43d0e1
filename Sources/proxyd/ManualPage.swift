import Foundation

/// proxyd(1), made from the same declarations that the command line is read with.
struct ManualPage {
    private let tool: Tool

    /// - Parameter dump: what the parser tells of the commands, as JSON.
    init(dump: String) throws { tool = try JSONDecoder().decode(Tool.self, from: Data(dump.utf8)) }

    /// The page in roff's macros of `man`.
    func roff() -> String {
        var page = """
            .\\" Made by `make reference`; edit the commands in Sources/proxyd instead.
            .TH PROXYD 1 "" "proxyd \(Version.number)" "User Commands"
            .SH NAME
            proxyd \\- \(Self.text(Self.sentence(tool.command.abstract)))
            .SH SYNOPSIS
            .B proxyd
            [\\fB\\-\\-config\\fR \\fIFILE\\fR] [\\fB\\-\\-check\\-config\\fR]
            .br
            .B proxyd
            .I COMMAND
            [\\fIOPTIONS\\fR]
            .SH DESCRIPTION

            """
        page += Self.paragraphs(tool.command.discussion)
        page += ".SH COMMANDS\n"
        for command in shown(tool.command) { page += Self.section(command, path: "proxyd") }
        page += Self.exits + Self.surroundings
        return page
    }

    private func shown(_ command: Command) -> [Command] { Self.shown(command) }

    private static func shown(_ command: Command) -> [Command] {
        (command.subcommands ?? []).filter { $0.shouldDisplay ?? true && $0.commandName != "help" }
    }

    private static func section(_ command: Command, path: String) -> String {
        let path = "\(path) \(command.commandName)"
        let arguments = (command.arguments ?? []).filter { $0.shouldDisplay && !$0.isHelp && $0.names?.first?.name != "version" }
        let inner = shown(command)
        var page = ".SS \(text(path))\n"
        let words = arguments.filter { $0.kind == "positional" }.map { argument in
            let name = "\\fI\(text((argument.valueName ?? "value").uppercased()))\\fR" + (argument.isRepeating ? "..." : "")
            return argument.isOptional ? "[\(name)]" : name
        }
        let more = inner.isEmpty ? [] : [inner.map { "\\fB\(text($0.commandName))\\fR" }.joined(separator: " | ")]
        if !(words + more).isEmpty { page += ".B \(text(path))\n\((more + words).joined(separator: " "))\n.PP\n" }
        page += paragraphs(command.abstract) + (command.discussion.map { ".PP\n" + paragraphs($0) } ?? "")
        for argument in arguments { page += entry(argument) }
        for next in inner { page += section(next, path: path) }
        return page
    }

    private static func entry(_ argument: Argument) -> String {
        let value = "\\fI\(text((argument.valueName ?? "value").uppercased()))\\fR"
        let names = (argument.names ?? []).map { name in
            "\\fB" + text(name.kind == "long" ? "--\(name.name)" : "-\(name.name)") + "\\fR"
        }
        let head =
            switch argument.kind {
            case "positional": value
            case "option": "\(names.joined(separator: ", ")) \(value)"
            default: names.joined(separator: ", ")
            }
        let usual = argument.defaultValue.map { $0.isEmpty ? "" : " Without it: \($0)." } ?? ""
        return ".TP\n\(head)\n\(text((argument.abstract ?? "") + usual))\n"
    }

    private static func paragraphs(_ words: String?) -> String {
        guard let words else { return "" }
        let paragraphs = words.split(separator: "\n\n").map { text($0.replacing("\n", with: " ")) }
        return paragraphs.joined(separator: "\n.PP\n") + "\n"
    }

    private static func sentence(_ words: String?) -> String {
        let words = words ?? ""
        return words.hasSuffix(".") ? String(words.dropLast()) : words
    }

    /// A text as roff has to have it.
    private static func text(_ words: some StringProtocol) -> String {
        let escaped = String(words).replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("'", with: "\\(aq")
            .replacing("`", with: "\\(ga").replacing("…", with: "...")
        return escaped.hasPrefix(".") ? "\\&\(escaped)" : escaped
    }

    private static var exits: String {
        ".SH EXIT STATUS\n" + Exit.meanings.map { ".TP\n\($0.code)\n\(text($0.meaning))\n" }.joined()
    }

    private static var surroundings: String {
        let variables = [
            ("PROXYD_ADMIN_KEY", "An admin key, for the commands that ask a running proxyd."),
            ("PROXYD_SEAL_KEY", "The key that opens ${sealed:…} in the configuration, and that seal makes it with."),
            ("PROXYD_SEAL_KEY_OLD", "The one before it: tried where the other does not open a secret."),
        ]
        let files = [
            (Proxyd.defaultPath, "The configuration, where no option names another."),
            ("/var/lib/proxyd", "Keys and usage, where the service manager gives this directory."),
        ]
        func list(_ entries: [(String, String)]) -> String {
            entries.map { ".TP\n.B \(text($0.0))\n\(text($0.1))\n" }.joined()
        }
        return ".SH ENVIRONMENT\n" + list(variables) + ".SH FILES\n" + list(files) + ".SH SIGNALS\n"
            + list([
                ("SIGHUP", "Reads the configuration again; reload does the same and tells what came of it."),
                ("SIGTERM, SIGINT", "Stops, once the requests in flight have ended; a second one does not wait."),
                ("SIGUSR1", "Opens the log's file anew."),
            ])
    }
}

extension ManualPage {
    private struct Tool: Decodable {
        var command: Command
    }

    fileprivate struct Command: Decodable {
        var commandName: String
        var shouldDisplay: Bool?
        var abstract: String?
        var discussion: String?
        var subcommands: [Command]?
        var arguments: [Argument]?
    }

    fileprivate struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }

        var kind: String
        var shouldDisplay: Bool
        var isOptional: Bool
        var isRepeating: Bool
        var names: [Name]?
        var valueName: String?
        var defaultValue: String?
        var abstract: String?

        var isHelp: Bool { names?.contains { $0.name == "help" } ?? false }
    }
}
