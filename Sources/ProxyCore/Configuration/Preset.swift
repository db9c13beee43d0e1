import Basics
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// A vendor's upstream as it is for everybody: the body of an entry of `upstreams`, under a name.
public struct Preset: Sendable {
    public let name: String
    /// The YAML as its file has it.
    public let text: String
    private let reading: Reading

    /// - Parameter file: what diagnostics call its text.
    init(name: String, text: String, file: String) {
        self.name = name
        self.text = text
        reading = Reading(text: text, file: file)
    }

    var source: SourceText { reading.result.source }
    /// What the text says; nil where it is no YAML.
    var node: YAMLNode? { reading.result.node }
    var problems: [Diagnostic] { reading.result.problems }

    /// The text is read once it is asked for: a file names few of all presets.
    private final class Reading: Sendable {
        private let text: String
        private let file: String
        private let known = Mutex<Result?>(nil)

        typealias Result = (source: SourceText, node: YAMLNode?, problems: [Diagnostic])

        init(text: String, file: String) {
            (self.text, self.file) = (text, file)
        }

        var result: Result {
            known.withLock { known in
                if let known { return known }
                let bytes = Array(text.utf8)
                let read = YAMLReader.read(bytes, file: file)
                let result: Result = (SourceText(file: file, bytes: bytes), read.node, read.problems)
                known = result
                return result
            }
        }
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

    public static let builtIn = PresetCatalog(EmbeddedPresets.texts)

    public init(_ texts: [(name: String, text: String)]) {
        presets = texts.map { Preset(name: $0.name, text: $0.text, file: "preset \($0.name)") }.sorted { $0.name < $1.name }
        indices = Dictionary(presets.enumerated().map { ($0.element.name, $0.offset) }) { first, _ in first }
    }

    public var names: [String] { presets.map(\.name) }

    public subscript(name: String) -> Preset? { indices[name].map { presets[$0] } }

    /// The preset whose address and format an upstream has that names none.
    func name(of url: UpstreamURL, dialect: String) -> String? {
        let address = "\(url)"
        return presets.first { preset in
            // Most have another host, which is seen without reading them.
            guard strstr(preset.text, url.host) != nil, !preset.needsURL, preset.dialect == dialect, let text = preset.url,
                let own = try? UpstreamURL.parse(text, shown: text, .base)
            else { return false }
            return "\(own)" == address
        }?.name
    }

    /// What is said of a name that is none.
    public func unknown(_ name: String) -> String {
        let hint = Suggestion.text(for: name, among: names)
        return "there is no preset \(LoadContext.quoted(name))\(hint.isEmpty ? "; `proxyd presets` lists them" : hint)"
    }
}
