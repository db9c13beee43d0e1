import Admin
import ArgumentParser
import Foundation
import ProxyCore

/// What would become of a request.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Show what would become of a request, and why; nothing is sent.",
        discussion: """
            The running proxyd is asked; PROXYD_ADMIN_KEY in the environment is an admin key, else it is that of --config. A request is \
            described by options, or by its body: proxyd explain --model claude-sonnet-4-6 --key alice. With --offline nobody is asked: \
            the file of --config alone decides.
            """)

    @Option(help: "The model that is asked for.")
    var model: String?
    @Option(help: "Whose request it is: a key's id, its name, or the key itself.")
    var key: String?
    @Option(help: "A policy, where no key is named.")
    var policy: String?
    @Option(help: "The client's dialect: anthropic, openai, responses or gemini.")
    var dialect: String?
    @Option(help: "The path, as /v1/chat/completions.")
    var path: String?
    @Option(name: .customLong("tag"), help: "A tag of the key, as name=value; may be given several times.")
    var tags: [String] = []
    @Option(name: .customLong("header"), help: "A header, as name:value; may be given several times.")
    var headers: [String] = []
    @Option(help: "The client's address.")
    var client: String?
    @Option(name: [.customLong("at"), .customLong("now")], help: "When: 2027-01-31T00:00:00+08:00.")
    var at: String?
    @Option(
        name: .customLong("quota"),
        help: "What a model is pretended to have left, as upstream/model=3%; may be given several times.")
    var quotas: [String] = []
    @Flag(help: "Ask nobody: by the configuration file alone. Of quota only --quota is known.")
    var offline = false
    @Flag(help: "It asks for a streamed answer.")
    var stream = false
    @Flag(help: "It offers tools.")
    var tools = false
    @Option(help: "Tokens of its input.")
    var inputTokens: Int?
    @Option(help: "Tokens that its answer may have.")
    var maxTokens: Int?
    @Option(help: "The session that it belongs to.")
    var session: String?
    @Option(
        help: "A file with the request's body; - is standard input. It tells the dialect where none is given.",
        completion: .file())
    var body: String?
    @OptionGroup var table: TableOptions

    func validate() throws {
        if model == nil && body == nil { throw ValidationError("give --model, or --body with a request") }
        if key != nil && (policy != nil || !tags.isEmpty) {
            throw ValidationError("--key names a key with its policy and tags; --policy and --tag are for one that there is not")
        }
        for (name, number) in [("--input-tokens", inputTokens), ("--max-tokens", maxTokens)] where number ?? 0 < 0 {
            throw ValidationError("\(name) is a whole number, 0 or more, not \(number ?? 0)")
        }
        if let odd = quotas.first(where: { !Self.isQuota($0) }) {
            throw ValidationError("--quota is written upstream/model=3%, not \(odd)")
        }
        if offline && table.admin.address != nil {
            throw ValidationError("--offline asks nobody, and --admin says whom: give one")
        }
    }

    func run() async throws {
        var call = AdminClient.DescribedCall()
        call.model = model
        call.key = key
        call.policy = policy
        call.dialect = dialect
        call.path = path
        call.tags = try Self.pairs(tags, "--tag", "name=value") { $0 == "=" }
        call.headers = try Self.pairs(headers, "--header", "name:value") { $0 == ":" || $0 == "=" }
        call.client = client
        call.now = at
        call.quotas = quotas
        call.isStreaming = stream
        call.hasTools = tools
        call.inputTokens = inputTokens
        call.maxTokens = maxTokens
        call.session = session
        call.body = try body.map(InputFile.read)
        if offline { return try await explainOffline(call) }
        try await table.run { [call] in try await $0.explain(call, $1) }
    }

    private func explainOffline(_ call: AdminClient.DescribedCall) async throws {
        let environment = try table.admin.variables.environment()
        let result = ConfigurationLoader.load(path: table.admin.config ?? Proxyd.defaultPath, environment: environment)
        guard let snapshot = result.snapshot else {
            Terminal.error(DiagnosticRenderer.text(result.errors))
            throw ExitCode(Exit.configuration)
        }
        try await Remote.run { try OfflineExplanation.text(call, of: snapshot, table.isJSON ? .json : .table) }
    }

    /// Whether it has the form; whether there is such an upstream, whoever explains knows.
    private static func isQuota(_ text: String) -> Bool {
        guard let equals = text.lastIndex(of: "="), equals != text.index(before: text.endIndex) else { return false }
        let target = text[..<equals]
        return target.contains("/") && !target.hasPrefix("/") && !target.hasSuffix("/")
    }

    private static func pairs(
        _ texts: [String], _ option: String, _ form: String, _ separates: (Character) -> Bool
    ) throws -> [String: String] {
        var pairs: [String: String] = [:]
        for text in texts {
            let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false, whereSeparator: separates)
            guard parts.count == 2, !parts[0].isEmpty else { throw ValidationError("\(option) is written \(form)") }
            let value = parts[1].drop { $0 == " " }
            guard pairs.updateValue(String(value), forKey: String(parts[0])) == nil else {
                throw ValidationError("\(option) gives '\(parts[0])' twice")
            }
        }
        return pairs
    }
}
