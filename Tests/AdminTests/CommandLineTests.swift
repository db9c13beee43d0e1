import ProxyCore
import Testing

@testable import Admin

@Suite struct CommandLineTests {
    @Test(
        "A mistyped command gets the one that was meant",
        arguments: [
            ("chekc", [], "unknown command `chekc`; did you mean `check`?"),
            ("creat", ["keys"], "unknown command `keys creat`; did you mean `keys create`?"),
            ("expl", [], "unknown command `expl`; did you mean `explain`?"),
            ("zzzz", [], "unknown command `zzzz`; `proxyd --help` lists the commands"),
            ("zzzz", ["keys"], "unknown command `keys zzzz`; `proxyd keys --help` lists the commands"),
            ("my.yaml", [], "unknown command `my.yaml`; `proxyd run -c my.yaml` runs with a file"),
            ("\u{1b}[2J", [], "unknown command `?[2J`; `proxyd --help` lists the commands"),
            ("status", [], "unknown command `status`; did you mean `health`?"),
            ("Start", [], "unknown command `Start`; did you mean `run`?"),
            ("validate", [], "unknown command `validate`; did you mean `check`?"),
            ("ls", ["keys"], "unknown command `keys ls`; did you mean `keys list`?"),
            ("new", ["keys"], "unknown command `keys new`; did you mean `keys create`?"),
            ("rm", ["keys"], "unknown command `keys rm`; did you mean `keys delete`?"),
            // What it is called elsewhere is no command here.
            ("status", ["keys"], "unknown command `keys status`; `proxyd keys --help` lists the commands"),
        ])
    func commands(_ word: String, _ path: [String], _ told: String) {
        let commands = path.isEmpty ? ["run", "check", "reload", "explain", "health"] : ["list", "create", "delete"]
        #expect(MistypedWord.unknown(command: word, of: path, commands: commands) == told)
    }

    @Test(
        "The parser's words are told as ours",
        arguments: [
            (
                "Error: Unknown option '--jsn'. Did you mean '--json'?\nUsage: proxyd x\n",
                "proxyd: unknown option `--jsn`; did you mean `--json`?\nUsage: proxyd x\n"
            ),
            ("Error: Unknown option '-z'\nUsage: y", "proxyd: unknown option `-z`\nUsage: y"),
            ("Error: Unknown option '-z'", "proxyd: unknown option `-z`"),
            ("Error: Unknown option '-v'", "proxyd: unknown option `-v`; did you mean `--version`?"),
            ("Error: Unknown option '--verion'", "proxyd: unknown option `--verion`; did you mean `--version`?"),
            (
                "Error: Unknown option '--verson'. Did you mean '--json'?",
                "proxyd: unknown option `--verson`; did you mean `--version`?"
            ),
            ("Error: Missing expected argument 'x'\nUsage: y", "proxyd: missing expected argument 'x'\nUsage: y"),
            ("Error: PROXYD_SEAL_KEY is not set", "proxyd: PROXYD_SEAL_KEY is not set"),
            ("Error: --csv and --json exclude one another", "proxyd: --csv and --json exclude one another"),
            ("Error: Unexpected argument '\u{1b}[2J'", "proxyd: unexpected argument '?[2J'"),
            ("OVERVIEW: Runs.\n\nUSAGE: y", "OVERVIEW: Runs.\n\nUSAGE: y"),
        ])
    func options(_ message: String, _ told: String) {
        #expect(MistypedWord.retold(message) == told)
    }

    @Test(
        "What the parser makes nothing of is told with what to write",
        arguments: [
            (
                "Error: Unexpected argument 'p.yaml'\nUsage: proxyd run [--config <config>]", ["run", "p.yaml"],
                "proxyd: unexpected argument 'p.yaml'; a configuration file is given as `-c p.yaml`"
            ),
            (
                "Error: Unexpected argument 'p.yaml'\nUsage: proxyd eval", ["eval", "p.yaml"],
                "proxyd: unexpected argument 'p.yaml'"
            ),
            (
                "Error: Missing value for '--limit <limit>'", ["audit", "--limit", "-5"],
                "proxyd: the value '-5' is invalid for '--limit <limit>': it is less than 0"
            ),
            (
                "Error: Missing value for '--limit <limit>'", ["audit", "--limit", "--json"],
                "proxyd: missing value for '--limit <limit>'"
            ),
            ("Error: Missing value for '--limit <limit>'", ["audit", "--limit"], "proxyd: missing value for '--limit <limit>'"),
            (
                "Error: Unknown option '--name'. Did you mean '--tag'?\nUsage: proxyd keys create <name> [--tag <tag> ...]",
                ["keys", "create", "--name", "a"], "proxyd: unknown option `--name`; <name> stands by itself"
            ),
            (
                "Error: Unknown option '--policies'. Did you mean '--policy'?\nUsage: proxyd keys create <name> [--policy <policy>]",
                [], "proxyd: unknown option `--policies`; did you mean `--policy`?"
            ),
            (
                "Error: Unknown option '--by'. Did you mean '--to'?\nUsage: proxyd usage [--from <from>] [--to <to>] [--group-by <group-by>]",
                [], "proxyd: unknown option `--by`; did you mean `--group-by`?"
            ),
            (
                "Error: Unknown option '--since'\nUsage: proxyd usage [--from <from>] [--to <to>] [--group-by <group-by>]", [],
                "proxyd: unknown option `--since`; did you mean `--from`?"
            ),
            (
                "Error: Unknown option '--admin'\nUsage: proxyd rollback [<number>] [--config <config>] [--list]", [],
                "proxyd: unknown option `--admin`; `proxyd rollback` writes the file itself (-c FILE), and the proxyd that runs by it follows"
            ),
            (
                "Error: The value 'http://a' is invalid for '<number>'\nUsage: proxyd rollback [<number>] [--config <config>] [--list]",
                ["rollback", "--admin", "http://a"],
                "proxyd: unknown option `--admin`; `proxyd rollback` writes the file itself (-c FILE), and the proxyd that runs by it follows"
            ),
            (
                "Error: The value 'a.yaml' is invalid for '<number>'\nUsage: proxyd rollback [<number>] [--config <config>] [--list]",
                ["rollback", "--confg", "a.yaml"], "proxyd: unknown option `--confg`; did you mean `--config`?"
            ),
            (
                "Error: The value 'x' is invalid for '<number>'\nUsage: proxyd rollback [<number>] [--config <config>] [--list]",
                ["rollback", "--list", "x"], "proxyd: the value 'x' is invalid for '<number>'"
            ),
            (
                "Error: Unknown option '--admin'\nUsage: proxyd store migrate [--from <from>] [--to <to>]", [],
                "proxyd: unknown option `--admin`; `proxyd store migrate` asks no running proxyd"
            ),
            (
                "Error: Unknown option '--admin'\nUsage: proxyd health [--config <config>] [--url <url>]", [],
                "proxyd: unknown option `--admin`; did you mean `--url`?"
            ),
            (
                "Error: Unknown option '--url'\nUsage: proxyd reload [--force] [--admin <admin>]", [],
                "proxyd: unknown option `--url`; did you mean `--admin`?"
            ),
        ])
    func advice(_ message: String, _ arguments: [String], _ told: String) {
        #expect(MistypedWord.retold(message, of: arguments).split(separator: "\n").first.map(String.init) == told)
    }

    @Test("A shell's variable that is not set leaves an option empty")
    func emptyOption() {
        #expect(MistypedWord.emptyOption(in: ["run", "-c", ""]) == "-c is empty: a variable of the shell may not be set")
        #expect(MistypedWord.emptyOption(in: ["keys", "--admin="])?.hasPrefix("--admin is empty") == true)
        #expect(MistypedWord.emptyOption(in: ["run", "-c", "a", "--env-file", "b"]) == nil)
        #expect(MistypedWord.emptyOption(in: ["init", "--key", ""]) == nil)
        #expect(MistypedWord.emptyOption(in: ["run", "-c"]) == nil)
        #expect(MistypedWord.emptyOption(in: ["init", "--output", "-"]) == "--output takes a file, and - is none")
        #expect(MistypedWord.emptyOption(in: ["health", "--config=-"])?.contains("/dev/stdin") == true)
        #expect(MistypedWord.emptyOption(in: ["check", "--config=-"]) == nil)
        #expect(MistypedWord.emptyOption(in: ["--check-config", "-c", "-"]) == nil)
        #expect(MistypedWord.emptyOption(in: ["explain", "--body", "-", "-c", "a"]) == nil)
    }

    @Test("The service's file names the service's state in a shell, too")
    func serviceState() {
        let state = { (inherited: [String: String], path: String, isThere: Bool) in
            ServiceSurroundings.environment(inherited, forFile: path) { $0 == "/var/lib/proxyd" && isThere }["STATE_DIRECTORY"]
        }
        #expect(state([:], "/etc/proxyd/proxy.yaml", true) == "/var/lib/proxyd")
        #expect(state(["STATE_DIRECTORY": ""], "/etc/proxyd/proxy.yaml", true) == "/var/lib/proxyd")
        #expect(state(["STATE_DIRECTORY": "/srv"], "/etc/proxyd/proxy.yaml", true) == "/srv")
        #expect(state([:], "/etc/proxyd/proxy.yaml", false) == nil)
        #expect(state([:], "proxy.yaml", true) == nil)
    }

    @Test("A first file passes the check, with every preset that has an address", arguments: PresetCatalog.builtIn.names)
    func firstFile(_ name: String) throws {
        let preset = try #require(PresetCatalog.builtIn[name])
        let place = try #require(PresetCatalog.builtIn.names.firstIndex(of: name))
        // A key that has to be quoted with each preset, one of the others with every third.
        let others = [nil, "${FIRST_KEY}", "${NOT_THERE:-replace-me}"]
        for key in ["sk-it's\"a\"$key:#{x}", others[place % others.count]] {
            var first = FirstConfiguration(preset: preset, key: key)
            if preset.needsURL { first.url = "https://mine.example" }
            let result = ConfigurationLoader.load(
                text: first.yaml(), file: "proxy.yaml", environment: ["FIRST_KEY": "sk-from-the-environment"])
            let configuration = try #require(result.snapshot?.configuration, "\(result.errors)")
            #expect(configuration.admin?.keys.map(\.key) == [first.adminKey])
            #expect(configuration.keys.map(\.name) == ["first"])
            #expect(configuration.listeners.map(\.port) == [8180])
            let expected = key == "${FIRST_KEY}" ? "sk-from-the-environment" : key?.hasPrefix("${") == true ? "replace-me" : key
            #expect(configuration.upstreams.first?.accounts.first?.key?.reveal() == expected)
        }
    }

    @Test("A first file may listen on a socket, and has keys of its own")
    func sockets() throws {
        let preset = try #require(PresetCatalog.builtIn["anthropic"])
        var first = FirstConfiguration(preset: preset, key: "sk-x")
        first.listen = "unix:/run/proxyd/proxyd.sock"
        let result = ConfigurationLoader.load(text: first.yaml(), file: "proxy.yaml", environment: [:])
        #expect(result.snapshot?.configuration.listeners.first?.unixPath == "/run/proxyd/proxyd.sock")
        let other = FirstConfiguration(preset: preset, key: "sk-x")
        #expect(first.adminKey != other.adminKey && first.clientKey != other.clientKey)
    }

    @Test(
        "Variables that a key refers to",
        arguments: [
            ("${A}", ["A"]), ("x${A_1}y${B}", ["A_1", "B"]), ("${A:-x}", []), ("${file:/x}", []), ("plain", []), ("$A", []),
        ])
    func variables(_ text: String, _ names: [String]) {
        #expect(FirstConfiguration.variables(in: text) == names)
    }
}
