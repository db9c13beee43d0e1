import Foundation

/// The package as it lies on disk. Paths are relative to its root.
enum SourceTree {
    private static var root: URL { ConfigurationFixture.root }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent(path).path)
    }

    /// A file's text; empty where there is none, so that what is looked for in it is missed.
    static func text(_ path: String) -> String {
        (try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)) ?? ""
    }

    /// Names of the folders directly in one.
    static func folders(in path: String) -> [String] {
        let folder = root.appendingPathComponent(path)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().filter { name in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path, isDirectory: &isFolder)
                && isFolder.boolValue
        }
    }

    /// Paths of the files in a folder and below it. What a build left in `.build` is none of ours.
    static func files(in path: String, ending: String) -> [String] {
        let names =
            FileManager.default.enumerator(atPath: root.appendingPathComponent(path).path)?.compactMap { $0 as? String } ?? []
        return names.sorted().filter { $0.hasSuffix(ending) && !$0.contains(".build/") }.map { "\(path)/\($0)" }
    }

    /// Read once; most tests look at all of them.
    private static let sources = ["Sources", "Tests", "Fuzz"].flatMap { folder in
        files(in: folder, ending: ".swift").map { SourceFile(path: $0, text: text($0)) }
    }

    static func swiftFiles(in path: String) -> [SourceFile] {
        sources.filter { $0.path.hasPrefix("\(path)/") }
    }

    /// Taken apart once, as far as the rules of form ask.
    private static let outlines = Dictionary(
        uniqueKeysWithValues: sources.filter { file in
            ["Sources/Basics/", "Sources/HTTP1/", "Sources/ProxyCore/"].contains { file.path.hasPrefix($0) }
        }.map { ($0.path, SwiftOutline($0.text)) })

    static func outline(_ file: SourceFile) -> SwiftOutline { outlines[file.path] ?? SwiftOutline(file.text) }

    static func tokens(_ file: SourceFile) -> [SwiftTokens.Token] {
        outlines[file.path]?.tokens ?? SwiftTokens(file.text).tokens
    }

    /// Whether `.gitignore` has a folder of this name, or it is git's own.
    static func isIgnored(_ folder: String) -> Bool {
        let ignored = text(".gitignore").split(separator: "\n").filter { $0.hasSuffix("/") }.map { $0.dropLast() }
        return folder == ".git" || ignored.contains(folder[...])
    }

    /// Targets of the links of a Markdown page.
    static func links(in text: String) -> [String] {
        text.components(separatedBy: "](").dropFirst().compactMap { rest in
            rest.firstIndex(of: ")").map { String(rest[..<$0]) }
        }
    }
}

struct SourceFile: Sendable {
    let path: String
    let text: String
    let lines: [Substring]
    let imports: Set<String>

    init(path: String, text: String) {
        self.path = path
        self.text = text
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        imports = Set(lines.compactMap(Self.importedModule))
    }

    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// The module that a line imports, without the part of it that is picked.
    static func importedModule(of line: Substring) -> String? {
        let accessLevels: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
        let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
        var words = line.split { $0 == " " || $0 == "\t" }[...]
        while let word = words.first, word.hasPrefix("@") || accessLevels.contains(word) { words.removeFirst() }
        guard words.first == "import" else { return nil }
        words.removeFirst()
        if let word = words.first, kinds.contains(word) { words.removeFirst() }
        return words.first.map { String($0.prefix { $0 != "." && $0 != ";" }) }
    }
}
