import Basics
import Synchronization

/// What one load knows and has found so far.
final class LoadContext {
    let files: InputFiles
    let environment: [String: String]
    private let ownPresets: PresetCatalog?
    private let resolver: ReferenceResolver
    /// Directory of the main file; relative paths of things to read begin there.
    private let directory: String
    private(set) var problems: [Diagnostic] = []
    private var sources: [String: SourceText] = [:]
    /// Lines in which a value that may be a secret goes on, by file.
    private var continued: [String: Set<Int>] = [:]
    /// Files that are no YAML.
    private var broken: Set<String> = []
    /// Lines whose values are not decoded, by file.
    private var undecoded: [String: Set<Int>] = [:]
    /// The first secret written out in each file.
    private(set) var literals: [String: (location: SourceLocation, path: String)] = [:]
    /// Values that may be secrets, and are no mere references.
    private(set) var secretNodes: [YAMLNode] = []
    /// Files that are to be written, by the key that says so.
    private var written: [String: String] = [:]
    /// Those that no diagnostic shows.
    private var hiddenNodes: [YAMLNode] = []
    /// The schema's own texts, each read once by the process.
    private static let defaults = Mutex<[String: YAMLNode]>([:])

    init(directory: String, environment: [String: String], files: InputFiles, presets: PresetCatalog? = nil) {
        self.directory = directory
        self.files = files
        ownPresets = presets
        self.environment = environment
        let locate = { Self.join(directory, $0) }
        resolver = ReferenceResolver(environment: environment, files: files, locate: locate)
    }

    /// The presets that upstreams may name; the program's are read when somebody asks.
    var presets: PresetCatalog { ownPresets ?? .builtIn }

    // MARK: Values

    /// A scalar with its references resolved; nil after an error was reported.
    func text(_ node: YAMLNode, _ path: String, expecting noun: String) -> Schema.Text? {
        guard case .scalar(let scalar) = node.content else {
            // `{env.NAME}` without quotes.
            if case .mapping(let entries) = node.content, entries.count == 1, entries[0].value.isNull,
                let problem = ForeignReferences.problem(with: "{\(entries[0].key)}", expecting: noun)
            {
                error(at: node, path, problem.message)
                return nil
            }
            error(at: node, path, "expected \(Self.withArticle(noun)), found \(node.noun)")
            return nil
        }
        if let tag = node.tag {
            // It may be the beginning of a secret that needs quotes.
            hide(node)
            error(at: node.start, path, Self.problem(withTag: tag), length: length(of: node))
            return nil
        }
        guard !scalar.isNull else {
            let isAnchor = sources[node.start.file]?.scalars(node.start.line)?.dropFirst(node.start.column - 1).first == "&"
            let hint = isAnchor ? "; text that begins with '&' needs quotes" : ""
            error(at: node, path, "has no value; expected \(Self.withArticle(noun))\(hint)")
            return nil
        }
        if let problem = ForeignReferences.problem(with: scalar.text, expecting: noun) {
            report(problem, at: node, path)
            return nil
        }
        if scalar.style == .plain, let first = scalar.text.unicodeScalars.first, SuspectValues.isTypographicQuote(first),
            !ForeignReferences.free.contains(noun)
        {
            error(at: node, path, "begins with a typographic quote, which is text to YAML; write \" or '")
            return nil
        }
        do throws(Schema.Problem) {
            let resolved = try resolver.resolve(scalar.text)
            return Schema.Text(
                value: resolved.text, node: node, path: path, holdsReference: resolved.holdsReference)
        } catch {
            report(error, at: node, path)
            return nil
        }
    }

    /// The entry with the references of its key resolved; nil after an error was reported.
    func resolvingKey(of entry: YAMLEntry, _ path: String) -> YAMLEntry? {
        guard entry.key.holds("$") else { return entry }
        var entry = entry
        do throws(Schema.Problem) {
            let resolved = try resolver.resolve(entry.key)
            if entry.key.holds("${"), !entry.key.holds("$${") { entry.writtenKey = entry.key }
            entry.key = resolved.text
            return entry
        } catch {
            self.error(at: entry.keyLocation, path, error.message, length: entry.keyLength)
            return nil
        }
    }

    func holdsReference(_ node: YAMLNode) -> Bool {
        if case .scalar(let scalar) = node.content { scalar.text.holds("${") } else { false }
    }

    /// The node of a default's text. Defaults are written in the schema the way a user would write them.
    func node(ofDefault text: String) -> YAMLNode {
        if let known = Self.defaults.withLock({ $0[text] }) { return known }
        let place = SourceLocation(file: "<default>", line: 1, column: 1)
        let empty = YAMLNode(content: .scalar(YAMLScalar(text: "", style: .plain)), start: place, end: place)
        let node = YAMLReader.read(Array(text.utf8), file: "<default>").node ?? empty
        Self.defaults.withLock { $0[text] = node }
        return node
    }

    /// Notes that a file is to be written for a key; gives the other key that has it.
    func take(written file: String, for key: String) -> String? {
        defer { written[key] = file }
        return written.first { $0.key != key && ($0.value == file || LogFile.isSame($0.value, file)) }?.key
    }

    /// Absolute, or relative to the directory of the main file.
    func resolve(path: String) -> String { Self.join(directory, path) }

    func path(_ parent: String, _ name: String) -> String {
        let isPlain = !name.isEmpty && name.utf8.allSatisfy { Schema.isNameByte($0) && $0 != UInt8(ascii: ".") }
        guard isPlain, !SecretWords.looksLikeKey(name[...]) else {
            // The name of a header whose colon was forgotten has the header's value in it.
            let shown = parent.hasSuffix("headers") ? String(name.prefix { $0 != " " }) : name
            let mark = shown == name ? "" : "…"
            return "\(parent)[\"\(Self.shortened(SecretWords.name(shown)))\(mark)\"]"
        }
        return parent.isEmpty ? name : "\(parent).\(name)"
    }

    // MARK: Sources

    func add(_ source: SourceText) { sources[source.file] = source }

    /// How many columns a value takes on its first line.
    func length(of node: YAMLNode) -> Int {
        if node.start.line == node.end.line { return max(1, node.end.column - node.start.column) }
        guard case .scalar = node.content, let line = sources[node.start.file]?.line(node.start.line) else { return 1 }
        return max(1, line.unicodeScalars.count - node.start.column + 1)
    }

    /// The place of a part of a scalar.
    func place(
        of text: Schema.Text, offset: Int, length: Int?, isWritten: Bool = false
    ) -> (location: SourceLocation, length: Int) {
        place(in: text.node, offset: offset, length: length, isLiteral: isWritten || !text.holdsReference)
    }

    func place(
        in node: YAMLNode, offset: Int, length wanted: Int?, isLiteral: Bool = true
    ) -> (location: SourceLocation, length: Int) {
        let whole = length(of: node)
        guard isLiteral, let source = sources[node.start.file], offset > 0 || wanted != nil else { return (node.start, whole) }
        let location = source.location(ofScalar: offset, in: node)
        let isExact = location != node.start || offset == 0
        guard isExact else { return (location, whole) }
        guard let wanted else { return (location, max(1, whole - offset)) }
        return (location, source.length(ofScalar: offset, count: wanted, in: node))
    }

    /// The files that are YAML, the main file first, with their secrets told apart.
    func texts(of paths: [String]) -> [ReadText] {
        let nodes = Dictionary(grouping: secretNodes) { $0.start.file }
        return paths.compactMap { path in
            guard sources[path] != nil, case .success(let content) = files.read(path) else { return nil }
            return ReadText(path: path, text: String(decoding: content.bytes, as: UTF8.self), nodes: nodes[path] ?? [])
        }
    }

    // MARK: Problems

    func error(at location: SourceLocation, _ path: String, _ message: String, length: Int = 1) {
        problems.append(Diagnostic(.error, at: location, path: path, message: message, length: length))
    }

    func error(at node: YAMLNode, _ path: String, _ message: String) {
        error(at: node.start, path, ForeignTags.problem(with: node) ?? message, length: length(of: node))
    }

    func error<Value>(_ place: Located<Value>, _ message: String) {
        error(at: place.location, place.path, message, length: place.length)
    }

    func warning(at node: YAMLNode, _ path: String, _ message: String) {
        warning(Located(value: (), location: node.start, length: length(of: node), path: path), message)
    }

    func warning<Value>(_ place: Located<Value>, _ message: String) {
        problems.append(Diagnostic(.warning, at: place.location, path: place.path, message: message, length: place.length))
    }

    func report(_ problem: Schema.Problem, in text: Schema.Text) {
        for problem in [problem] + problem.further {
            let place = place(of: text, offset: problem.offset, length: problem.length, isWritten: problem.isWritten)
            error(at: place.location, text.path, problem.message, length: place.length)
        }
    }

    /// A reference that cannot be resolved: its offset counts in the scalar as it is written.
    private func report(_ problem: Schema.Problem, at node: YAMLNode, _ path: String) {
        for problem in [problem] + problem.further {
            let place = place(in: node, offset: problem.offset, length: problem.length, isLiteral: true)
            error(at: place.location, path, problem.message, length: place.length)
        }
    }

    /// What reading the YAML itself brought up: what is in those lines is never decoded, so nothing says what is a secret.
    func add(_ found: [Diagnostic]) {
        problems += found
        for problem in found { undecoded[problem.location.file, default: []].insert(problem.location.line) }
    }

    /// The file could not be read to its end: of its lines only what is beyond doubt is shown.
    func markBroken(_ file: String) { broken.insert(file) }

    /// Gives the key that was meant, where another program's word for it is known or a name of ours is near.
    @discardableResult
    func unknown(_ entry: YAMLEntry, in mapping: Schema.Mapping, path: String) -> String? {
        let names = mapping.keys.map(\.name)
        let foreign = ForeignNames.hint(for: entry.key, in: mapping)
        let nearest = foreign == nil ? Suggestion.nearest(to: entry.key, among: names) : nil
        let deeper = foreign == nil && nearest == nil ? ForeignNames.deeper(entry.key, in: mapping) : nil
        // It may be a secret under a misspelt name.
        let meant = foreign?.meant ?? nearest ?? deeper?.under
        if mapping.holdsSecret { hide(entry.value, isShown: Self.isPlain(entry, meant: meant, in: mapping)) }
        if let blank = entry.key.unicodeScalars.first, blank.properties.isWhitespace, !blank.isASCII {
            let code = String(blank.value, radix: 16, uppercase: true)
            error(at: entry.keyLocation, path, "this blank is none to YAML (U+\(code)); write a space")
            return meant
        }
        var hint = foreign?.text ?? nearest.map { " (did you mean '\($0)'?)" } ?? ""
        // Without a value it may be one itself, which lost its key; and so may what a reference stands for.
        if entry.writtenKey != nil { hint = "" }
        let isRepeatable = entry.writtenKey == nil && (!mapping.holdsSecret || !entry.value.isNull || !hint.isEmpty)
        if hint.isEmpty {
            let place = ForeignNames.rightPlace(of: entry.key, from: path)
            hint = place ?? deeper?.text ?? "; known here: \(names.joined(separator: ", "))"
        }
        error(
            at: entry.keyLocation, path, "unknown key\(isRepeatable ? " '\(Self.name(entry.key))'" : "")\(hint)",
            length: entry.keyLength)
        return meant
    }

    /// Whether a single value stands under what is meant for a key whose values are no secrets.
    private static func isPlain(_ entry: YAMLEntry, meant: String?, in mapping: Schema.Mapping) -> Bool {
        guard case .scalar = entry.value.content, case .scalar(let scalar)? = meant.flatMap({ mapping[$0]?.shape }) else {
            return false
        }
        return !scalar.isSecret && entry.writtenKey == nil
    }

    // MARK: Secrets

    /// Keeps a value's lines out of diagnostics where a mapping or a list was expected that would hold secrets.
    func hideWhatShouldHoldMore(_ node: YAMLNode) {
        guard case .scalar(let scalar) = node.content, scalar.text.count > 8 || scalar.text.holds(" ") else { return }
        hide(node)
    }

    /// Keeps a value out of diagnostics, unless it is a mere reference.
    /// - Parameter isShown: it is no secret if it is what it should be; whether it looks like one decides.
    func hide(_ node: YAMLNode, isShown: Bool = false) {
        if case .scalar(let scalar) = node.content, Self.isMereReference(scalar.text) { return }
        secretNodes.append(node)
        guard !isShown else { return }
        if node.end.line > node.start.line {
            continued[node.start.file, default: []].formUnion(node.start.line + 1...node.end.line)
        }
        hiddenNodes.append(node)
    }

    func literalSecret(_ node: YAMLNode, _ path: String) {
        if literals[node.start.file] == nil { literals[node.start.file] = (node.start, path) }
    }

    /// All that was found, in the file's order, each with its line, in which what may be a secret is masked.
    func finish() -> [Diagnostic] {
        var seen: Set<Diagnostic> = []
        var secrets: [String: [Int: [YAMLNode]]] = [:]
        for node in hiddenNodes { secrets[node.start.file, default: [:]][node.start.line, default: []].append(node) }
        return problems.map { problem in
            var problem = problem
            problem.message = SecretWords.masked(problem.message)
            let file = problem.location.file
            problem.sourceLine = sources[file].flatMap {
                line(for: problem, of: $0, hiding: secrets[file]?[problem.location.line] ?? [])
            }
            return problem
        }
        .filter { problem in
            // An alias shows the same value under several paths; its mistake is told once.
            var key = problem
            key.path = ""
            return seen.insert(key).inserted
        }
        .enumerated()
        .sorted { ($0.element.location, $0.offset) < ($1.element.location, $1.offset) }
        .map(\.element)
    }

    /// - Parameter secrets: values of the line that may be secrets.
    private func line(for problem: Diagnostic, of source: SourceText, hiding secrets: [YAMLNode]) -> String? {
        let (file, line) = (problem.location.file, problem.location.line)
        guard !broken.contains(file), undecoded[file]?.contains(line) != true else { return SecretLines.masked(line, of: source) }
        guard continued[file]?.contains(line) != true else { return nil }
        if secrets.isEmpty, let whole = SecretLines.printable(line, of: source) { return whole }
        let spans = secrets.map { node in
            let start = max(0, node.start.column - 1)
            return start..<(node.end.line == line ? max(start, node.end.column - 1) : .max)
        }
        return SecretLines.excerpt(line, of: source, hiding: spans, naming: problem.message)
    }

    // MARK: Texts

    private static func problem(withTag tag: String) -> String {
        ForeignReferences.tags.contains(tag)
            ? "the tag '\(tag)' means nothing here; an environment variable is written ${NAME}, what a file holds ${file:/path}"
            : "text that begins with '!' needs quotes: to YAML it is a tag"
    }

    private static func isMereReference(_ text: String) -> Bool {
        text.hasPrefix("${") && text.firstIndex(of: "}") == text.indices.last && !text.contains(":-")
    }

    /// The text in quotes, and short: it may be pages.
    static func quoted(_ text: String, ofSeveralLines: Bool = false, most: Int = 60) -> String {
        "'\(shortened(SecretWords.repeatable(text, ofSeveralLines: ofSeveralLines), most: most))'"
    }

    /// A key of the file that should not be there; what follows its first word may be its value.
    static func name(_ key: String) -> String {
        let name = SecretWords.name(key)
        guard let blank = name.firstIndex(of: " ") else { return shortened(name) }
        return shortened("\(name[..<blank]) …")
    }

    static func shortened(_ text: String, most: Int = 60) -> String {
        text.count <= most ? text : "\(text.prefix(most))…"
    }

    private static func withArticle(_ noun: String) -> String {
        if noun.hasPrefix("a ") || noun.hasPrefix("an ") || noun == "true or false" || noun == "text" { return noun }
        return "\("aeiou".contains(noun.first ?? "x") ? "an" : "a") \(noun)"
    }

    private static func join(_ directory: String, _ path: String) -> String {
        path.hasPrefix("/") || directory.isEmpty || path.isEmpty ? path : "\(directory)/\(path)"
    }
}
