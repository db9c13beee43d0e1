import ProxyCore

/// The file that `proxyd init` writes: one vendor, one key for the operator, one for programs, and comments that teach.
public struct FirstConfiguration: Sendable {
    public var preset: Preset
    /// The vendor's key, or references in its place; nil for a server that asks for none.
    public var key: String?
    /// The upstream's address, where the preset has only an example of one, or another is meant.
    public var url: String?
    public var listen = "127.0.0.1:8180"
    public var state = "${STATE_DIRECTORY:-./state}"
    public let adminKey: Secret
    public let clientKey: Secret

    public init(preset: Preset, key: String?) {
        self.preset = preset
        self.key = key
        adminKey = Secret("sk-admin-" + KeyText.generate().dropFirst(3))
        clientKey = Secret(KeyText.generate())
    }

    /// The variable that a vendor's own pages keep its key in.
    public static func variable(of preset: String) -> String {
        switch preset {
        case "azure": "AZURE_OPENAI_API_KEY"
        case "gemini-openai": "GEMINI_API_KEY"
        case "github-models": "GITHUB_TOKEN"
        case "moonshot-cn": "MOONSHOT_API_KEY"
        case "openai-responses": "OPENAI_API_KEY"
        case "qwen": "DASHSCOPE_API_KEY"
        case "zhipu-coding": "ZHIPU_API_KEY"
        default: preset.uppercased().replacing("-", with: "_") + "_API_KEY"
        }
    }

    /// Whether a preset is a server of one's own, which may ask for no key.
    public static func isLocal(_ preset: Preset) -> Bool { preset.url?.hasPrefix("http://localhost") ?? false }

    /// Variables that a text refers to and that have no value of their own beside the reference.
    public static func variables(in text: String) -> [String] {
        text.split(separator: "${").dropFirst(text.hasPrefix("${") ? 0 : 1).compactMap { part in
            guard let end = part.firstIndex(of: "}") else { return nil }
            let name = part[..<end]
            return name.utf8.allSatisfy {
                $0 == UInt8(ascii: "_") || $0 >= 0x30 && $0 <= 0x39 || ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A
            }
                ? String(name) : nil
        }
    }

    /// The whole file.
    public func yaml() -> String {
        let name = preset.name
        let account =
            key.map { "    accounts:\n      - {name: main, key: \(Self.quoted(Self.escaped($0)))}\n" }
            ?? "    # A key, where the server asks for one:\n    # accounts:\n    #   - {name: main, key: \"${\(Self.variable(of: name))}\"}\n"
        let address = url.map { "    url: \(Self.quoted(Self.escaped($0)))\n" } ?? ""
        let isSocket = listen.hasPrefix("unix:")
        let allowed =
            isSocket
            ? ""
            : "  allow_from: [127.0.0.0/8, \"::1\"]           # from where; add your own network to reach it from elsewhere\n"
        return """
            # proxyd reads this file at its start, and again whenever it is saved: the next request follows it.
            # What is wrong with it is told by `proxyd check -c FILE`, and a wrong one never replaces what runs.
            # A value may be a reference: ${NAME} of the environment, ${file:/path}, ${sealed:…} of `proxyd seal`.

            # Programs connect here: Anthropic's, OpenAI's and Google's paths, each with its own kind of client.
            listen: \(Self.quoted(listen))

            # The operator's key: for the dashboard at /admin/, and for `proxyd keys`, `usage`, `explain`, `reload` and the others.
            admin:
              key: \(Self.quoted(adminKey.reveal()))
            \(allowed)
            # Keys and usage are kept in this directory.
            state: \(state)

            # Who is asked. `proxyd presets` lists vendors; several upstreams and accounts may stand side by side.
            upstreams:
              \(name):
                preset: \(name)
            \(address)\(account)
            # Which request goes where. The first rule that matches decides; its tiers are tried in order when one fails or is used up.
            rules:
              - name: everything
                models: ["*"]                             # as the client asks for them; "claude-*" takes a family
                tiers: [\(name)]

            # Who may ask. More of them: `proxyd keys create NAME`, which keeps no more than the hash.
            keys:
              - {name: first, key: \(Self.quoted(clientKey.reveal()))}

            """
    }

    /// A dollar that begins no reference is a dollar.
    private static func escaped(_ text: String) -> String { text.contains("${") ? text : text.replacing("$", with: "$$") }

    private static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
}
