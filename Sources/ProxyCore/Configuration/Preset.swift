import Basics

/// A vendor's upstream as it is for everybody: the body of an entry of `upstreams`, under a name.
public struct Preset: Sendable {
    public let name: String
    /// The YAML as its file has it.
    public let text: String
    let source: SourceText
    /// What the text says; nil where it is no YAML.
    let node: YAMLNode?
    let problems: [Diagnostic]

    /// - Parameter file: what diagnostics call its text.
    init(name: String, text: String, file: String) {
        self.name = name
        self.text = text
        let bytes = Array(text.utf8)
        source = SourceText(file: file, bytes: bytes)
        let result = YAMLReader.read(bytes, file: file)
        node = result.node
        problems = result.problems
    }

    /// The first line of its comment: whose it is.
    public var title: String {
        let line = text.prefix { $0 != "\n" }
        return line.hasPrefix("#") ? String(line.drop { $0 == "#" || $0 == " " }) : ""
    }

    /// What everybody is to be told who uses it; nil: nothing.
    var warning: String? {
        text.split(separator: "\n").first { $0.hasPrefix("# warning: ") }.map { String($0.dropFirst(11)) }
    }

    /// Its address; one whose host has capitals is an example of what everybody has to write for themselves.
    public var url: String? { scalar(Schema.UpstreamKeys.url.name) }
    /// The host of that address.
    var host: String? { url?.split(separator: "/").dropFirst().first.map { String($0.prefix { $0 != ":" }) } }
    var dialect: String? { scalar(Schema.UpstreamKeys.dialect.name) }
    public var needsURL: Bool {
        // What a reference stands for is an address, whatever its name.
        if url?.holds("${") == true { return false }
        return host?.contains { $0.isUppercase } ?? true
    }

    private func scalar(_ key: String) -> String? {
        guard case .scalar(let scalar)? = node?.entry(key)?.value.content else { return nil }
        return scalar.text
    }
}

/// The presets that a file may name. Those of the program are the files in `Presets/`, made part
/// of it by `make catalog`.
public struct PresetCatalog: Sendable {
    /// The presets in the order of their names.
    public let presets: [Preset]
    private let indices: [String: Int]
    /// Which preset an address belongs to, by format and address.
    private let addresses: [String: String]

    public static let builtIn = PresetCatalog(EmbeddedPresets.texts)

    public init(_ texts: [(name: String, text: String)]) {
        presets = texts.map { Preset(name: $0.name, text: $0.text, file: "preset \($0.name)") }.sorted { $0.name < $1.name }
        indices = Dictionary(presets.enumerated().map { ($0.element.name, $0.offset) }) { first, _ in first }
        var addresses: [String: String] = [:]
        for preset in presets where !preset.needsURL {
            guard let text = preset.url, let dialect = preset.dialect,
                let url = try? UpstreamURL.parse(text, shown: text, .base)
            else { continue }
            let address = "\(dialect) \(url)"
            if addresses[address] == nil { addresses[address] = preset.name }
        }
        self.addresses = addresses
    }

    public var names: [String] { presets.map(\.name) }

    public subscript(name: String) -> Preset? { indices[name].map { presets[$0] } }

    /// The preset whose address and format an upstream has that names none.
    func name(of url: UpstreamURL, dialect: String) -> String? { addresses["\(dialect) \(url)"] }

    /// What is said of a name that is none.
    public func unknown(_ name: String) -> String {
        let hint = Suggestion.text(for: name, among: names)
        return "there is no preset \(LoadContext.quoted(name))\(hint.isEmpty ? "; `proxyd presets` lists them" : hint)"
    }
}
