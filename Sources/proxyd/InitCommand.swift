import Admin
import ArgumentParser
import Foundation
import ProxyCore

/// Writes a first configuration.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Write a first proxy.yaml: asks three questions, or takes options.",
        discussion: """
            It asks which vendor, its key (which is not shown) and where to listen. What an option says is not asked; --yes asks \
            nothing. The file has a fresh key for the operator and one for programs, is readable by its owner alone, and never \
            replaces another: exit code 73.
            """)

    @Option(help: "The vendor: a name that proxyd presets lists.")
    var preset: String?
    @Option(help: "The vendor's key, or a reference as '${ANTHROPIC_API_KEY}'; - reads it from standard input.")
    var key: String?
    @Option(help: "The vendor's address, where it is another than the preset's.")
    var url: String?
    @Option(help: "Where to listen: HOST:PORT or unix:/path; 127.0.0.1:8180 when it is left out.")
    var listen: String?
    @Option(
        help: "The file to write: \(Proxyd.defaultPath) where its directory is there and may be written, else ./proxy.yaml.",
        completion: .file())
    var output: String?
    @Flag(help: "Ask nothing, and take what is usual for what no option says.")
    var yes = false

    func run() throws {
        let output = FirstFile(path: self.output ?? FirstFile.usualPath)
        try output.checkPlace()
        let environment = ProcessInfo.processInfo.environment
        let dialogue = Dialogue(isAsking: asks)
        let preset = try choosePreset(dialogue, environment)
        let key = try chooseKey(preset, dialogue, environment)
        var first = FirstConfiguration(preset: preset, key: key)
        first.url = try chooseURL(preset, dialogue)
        first.listen = listen ?? dialogue.ask("Where shall it listen?", usually: first.listen)
        if output.path.hasPrefix("/etc/") { first.state = "${STATE_DIRECTORY:-/var/lib/proxyd}" }
        let checked = try check(first, output.path, environment)
        try output.write(first.yaml())
        tell(first, output, environment, checked)
    }

    /// Whoever is at a terminal is asked for what no option says; a pipe may hold the answers where nothing was said.
    private var asks: Bool {
        if yes { return false }
        return isatty(STDIN_FILENO) == 1 ? key != "-" : preset == nil && key == nil && listen == nil
    }

    // MARK: Questions

    private func choosePreset(_ dialogue: Dialogue, _ environment: [String: String]) throws -> Preset {
        let catalog = PresetCatalog.builtIn
        if let name = preset {
            guard let preset = catalog[name] else { throw Self.refusal(catalog.unknown(name)) }
            return preset
        }
        // The vendor whose key is at hand, else the first of these.
        let usual = ["anthropic", "openai", "gemini"]
        let found = usual.first { environment[FirstConfiguration.variable(of: $0)]?.isEmpty == false } ?? "anthropic"
        if dialogue.isAsking {
            Terminal.error("Vendors: \(catalog.names.joined(separator: ", "))\n")
        }
        while true {
            let name = dialogue.ask("Which vendor?", usually: found)
            if let preset = catalog[name] { return preset }
            guard dialogue.isAtTerminal else { throw Self.refusal(catalog.unknown(name)) }
            Terminal.error("\(catalog.unknown(name))\n")
        }
    }

    private func chooseKey(
        _ preset: Preset, _ dialogue: Dialogue, _ environment: [String: String]
    ) throws -> String? {
        let variable = FirstConfiguration.variable(of: preset.name)
        let isAtHand = environment[variable]?.isEmpty == false
        let isLocal = FirstConfiguration.isLocal(preset)
        let usual = isAtHand ? "${\(variable)}" : isLocal ? nil : "${\(variable):-replace-me}"
        var chosen = key
        if key == "-" { chosen = readLine(strippingNewline: true) ?? "" }
        if chosen == nil, dialogue.isAsking {
            let hint = isAtHand ? "${\(variable)}" : isLocal ? "none" : "later, in \(variable)"
            chosen = dialogue.askSecret("Its key (it is not shown)?", usually: hint)
        }
        guard let text = chosen?.trimmingCharacters(in: .whitespacesAndNewlines) else { return usual }
        guard !text.isEmpty else {
            if key != nil { throw Self.refusal("--key is empty") }
            return usual
        }
        guard !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
            throw Self.refusal("the key holds a control character")
        }
        guard text.contains("${") || !text.contains(where: \.isWhitespace) else {
            throw Self.refusal("the key holds white space")
        }
        return text
    }

    private func chooseURL(_ preset: Preset, _ dialogue: Dialogue) throws -> String? {
        if let url { return url }
        guard preset.needsURL else { return nil }
        let example = preset.url.map { ", as \($0)" } ?? ""
        guard dialogue.isAsking else { throw Self.refusal("the preset \(preset.name) needs --url: your own address\(example)") }
        let url = dialogue.ask("Its address\(example)?", usually: "")
        guard !url.isEmpty else { throw Self.refusal("the preset \(preset.name) needs your own address\(example)") }
        return url
    }

    // MARK: The file

    /// What is written is what proxyd runs with, whatever was given.
    private func check(_ first: FirstConfiguration, _ path: String, _ environment: [String: String]) throws -> LoadResult {
        var tried = first
        // What a reference leads to may come later.
        if tried.key?.contains("${") == true { tried.key = "a-key-that-stands-for-another" }
        let result = ConfigurationLoader.load(text: tried.yaml(), file: path, environment: environment)
        if let error = result.errors.first { throw Self.refusal(Self.told(error)) }
        return result
    }

    /// The diagnostic with the option that it is of.
    private static func told(_ diagnostic: Diagnostic) -> String {
        let path = diagnostic.path
        let option = path.hasPrefix("listen") ? "--listen: " : path.hasPrefix("upstreams") ? "--url or --key: " : ""
        return option + diagnostic.message
    }

    private func tell(
        _ first: FirstConfiguration, _ output: FirstFile, _ environment: [String: String], _ checked: LoadResult
    ) {
        for warning in checked.diagnostics { Terminal.error("note: \(Self.told(warning))\n") }
        let missing = FirstConfiguration.variables(in: first.key ?? "").filter { environment[$0]?.isEmpty ?? true }
        for name in missing { Terminal.error("note: \(name) is not set here; proxyd needs it in its environment to start\n") }
        if first.key?.hasSuffix(":-replace-me}") == true {
            let name = FirstConfiguration.variable(of: first.preset.name)
            Terminal.error("note: the vendor's key is still missing: set \(name), or write it into the file\n")
        }
        if let owner = output.owner { Terminal.error("note: the file belongs to \(owner), who runs the service\n") }
        print(
            """
            \(output.path) is written: \(first.preset.name), behind \(first.listen).

              the operator's key   \(first.adminKey.reveal())
              a program's key      \(first.clientKey.reveal())

            Both stand in the file. Next:

              \(output.startCommand)
              \(Self.request(first, checked.snapshot?.configuration))
            """)
    }

    private static func request(_ first: FirstConfiguration, _ configuration: Configuration?) -> String {
        let isSocket = first.listen.hasPrefix("unix:")
        // What listens everywhere is asked here.
        let address = isSocket ? "http://localhost" : configuration.flatMap(AdminAddress.find) ?? "http://\(first.listen)"
        let socket = isSocket ? "--unix-socket \(first.listen.dropFirst(5)) " : ""
        return "curl \(socket)\(address)/v1/models -H 'x-api-key: \(first.clientKey.reveal())'"
    }

    static func refusal(_ text: String) -> ExitCode {
        Terminal.error("proxyd: \(text)\n")
        return ExitCode(Exit.usage)
    }
}
