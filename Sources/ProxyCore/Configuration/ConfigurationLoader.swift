import Foundation
import RuleEngine

/// Reads a configuration file and what belongs to it: YAML, references, includes, names, conditions. Starts nothing.
public enum ConfigurationLoader {
    /// Reads the file at `path`. Everything that is wrong is reported at once.
    /// - Parameter texts: read instead of the files of these paths.
    public static func load(path: String, environment: [String: String], texts: [String: String] = [:]) -> LoadResult {
        load(directory: directory(of: path), environment: environment, files: InputFiles(texts)) { $0.read(path: path) }
    }

    /// The same for a check, which may be of what is no file: `-` or `/dev/stdin`, or a pipe. What that includes or refers to is looked for
    /// where the check runs.
    public static func check(path: String, environment: [String: String]) -> LoadResult {
        guard InputFiles.isStream(path) else { return load(path: path, environment: environment) }
        return load(directory: "", environment: environment, files: InputFiles(stream: path)) { $0.read(path: path) }
    }

    /// Reads a text as if it stood in `file`; what it includes or refers to is looked for beside that.
    public static func load(
        text: String, file: String, environment: [String: String], presets: PresetCatalog? = nil
    ) -> LoadResult {
        load(directory: directory(of: file), environment: environment, presets) {
            $0.read(bytes: Array(text.utf8), file: file)
        }
    }

    private static func load(
        directory: String, environment: [String: String], _ presets: PresetCatalog? = nil, files: InputFiles = InputFiles(),
        read: (inout ConfigurationFiles) -> YAMLNode?
    ) -> LoadResult {
        let context = LoadContext(directory: directory, environment: environment, files: files, presets: presets)
        var reader = ConfigurationFiles(context)
        var compiled: (root: YAMLNode, result: ConfigurationCompiler.Compiled)?
        var places: [String: SourceLocation] = [:]
        if let root = read(&reader).map(PresetExpansion(context: context).expand),
            let section = Schema.Section(root, "", Schema.Root.mapping, context)
        {
            let compiler = ConfigurationCompiler(DecodedFile(section), context)
            compiled = (root, compiler.compile())
            places = Self.places(in: root, context)
            for key in Schema.Root.mapping.keys { places[key.name] = section.place(key)?.location }
        }
        warnAboutLiterals(context)
        let diagnostics = context.finish()
        var snapshot: Snapshot?
        if let (root, result) = compiled, !diagnostics.contains(where: { $0.severity == .error }) {
            let quiet = LoadContext(directory: directory, environment: environment, files: files, presets: presets)
            snapshot = Snapshot(
                generation: 1, hash: files.hash, textHash: reader.textHash, configuration: result.configuration,
                rules: result.rules, routes: result.routes, shown: ShownConfiguration(root, result, quiet).text,
                warnings: diagnostics)
        }
        return LoadResult(
            snapshot: snapshot, diagnostics: diagnostics, files: files.paths, patterns: reader.patterns, hash: files.hash,
            places: places, texts: context.texts(of: files.paths), partial: compiled?.result.configuration)
    }

    /// Where the values under the top-level keys stand.
    private static func places(in root: YAMLNode, _ context: LoadContext) -> [String: SourceLocation] {
        guard case .mapping(let sections) = root.content else { return [:] }
        var places: [String: SourceLocation] = [:]
        for section in sections {
            switch section.value.content {
            case .mapping(let entries):
                for entry in entries { places[context.path(section.key, entry.key)] = entry.value.start }
            case .sequence(let items):
                for (index, item) in items.enumerated() { places["\(section.key)[\(index)]"] = item.start }
            case .scalar: break
            }
        }
        return places
    }

    private static func warnAboutLiterals(_ context: LoadContext) {
        for (file, literal) in context.literals {
            guard context.files.paths.contains(file), case .success(let content) = context.files.read(file),
                content.isWorldReadable
            else { continue }
            context.warning(
                Located(value: (), location: literal.location, path: literal.path),
                "a secret is written out in a file that every user of this machine can read; use a reference, or chmod o-r")
        }
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// What reading a configuration came to. A class, as it is passed on by many and far too large to be copied.
public final class LoadResult: Sendable {
    /// Generation 1; nil when there is an error.
    public let snapshot: Snapshot?
    /// Errors and warnings, in the file's order.
    public let diagnostics: [Diagnostic]
    /// Every file that was read or looked for: the file itself, what it includes and what its references name.
    public let files: [String]
    /// Globs of `include`; a file that comes to match one belongs to the configuration.
    public let patterns: [String]
    /// SHA-256 of all files read, hex. Of a single file, what `sha256sum` prints for it.
    public let hash: String
    /// Where the top-level keys stand, and the values under them.
    public let places: [String: SourceLocation]
    /// The files that are YAML, the main file first.
    public let texts: [ReadText]
    /// What could be made of a file with errors; nil where it is no YAML. For finding out whom the file is about, and nothing else.
    public let partial: Configuration?

    init(
        snapshot: Snapshot?, diagnostics: [Diagnostic], files: [String], patterns: [String], hash: String,
        places: [String: SourceLocation], texts: [ReadText], partial: Configuration?
    ) {
        self.snapshot = snapshot
        self.diagnostics = diagnostics
        self.files = files
        self.patterns = patterns
        self.hash = hash
        self.places = places
        self.texts = texts
        self.partial = partial
    }

    public var errors: [Diagnostic] { diagnostics.filter { $0.severity == .error } }

    /// That the state directory cannot come to be there: for a check alone. A start finds out when it makes it, and a reload leaves
    /// the state where it is. Who may make it is not looked at: often that is somebody else than who checks.
    public var stateProblem: Diagnostic? {
        guard let file = (partial?.statePath).flatMap(LogFile.file(onTheWayTo:)) else { return nil }
        let place = places["state"] ?? SourceLocation(file: files.first ?? "", line: 1, column: 1)
        return Diagnostic(.error, at: place, path: "state", message: "cannot be used: '\(file)' is no directory")
    }
}
