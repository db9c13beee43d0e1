import Foundation
import Testing

/// The house's order, read from the source tree: who imports whom, what may not stand in a source, what the pages must name.
@Suite struct TidyTests {
    // MARK: Imports

    /// What a target may import of ours; others' libraries are a matter of Package.swift.
    private static let ownImports: [String: Set<String>] = [
        "CChecksum": [],
        "CGuardedMapping": [],
        "CICU": [],
        "CSwiftRuntime": [],
        "CYAML": [],
        "CZlib": [],
        "Basics": [],
        "HTTP1": ["Basics"],
        "RuleEngine": ["Basics"],
        "Dialects": ["Basics"],
        "ProxyCore": ["CChecksum", "CGuardedMapping", "CYAML", "CZlib", "Basics", "HTTP1", "RuleEngine", "Dialects"],
        "Admin": ["ProxyCore", "Basics", "RuleEngine", "Dialects"],
        "Simulator": ["HTTP1"],
        "proxyd": ["CICU", "CSwiftRuntime", "Admin", "ProxyCore", "Simulator"],
    ]

    @Test func everyTargetHasItsPlaceInTheOrderOfImports() {
        #expect(Set(SourceTree.folders(in: "Sources")) == Set(Self.ownImports.keys))
    }

    @Test(arguments: ownImports.keys.sorted())
    func aTargetImportsOnlyWhatStandsBelowIt(_ target: String) {
        let allowed = Self.ownImports[target] ?? []
        for file in SourceTree.swiftFiles(in: "Sources/\(target)") {
            let surplus = file.imports.intersection(Self.ownImports.keys).subtracting(allowed)
            #expect(surplus.isEmpty, "\(file.path) imports \(surplus.sorted())")
        }
    }

    @Test(arguments: [("Basics", 10), ("HTTP1", 15), ("RuleEngine", 20), ("Dialects", 20)])
    func aPureTargetImportsBasicsOnly(_ target: String, _ least: Int) {
        let allowed: Set<String> = target == "Basics" ? ["Glibc"] : ["Basics"]
        let files = SourceTree.swiftFiles(in: "Sources/\(target)")
        #expect(files.count > least)
        for file in files {
            let surplus = file.imports.subtracting(allowed)
            #expect(surplus.isEmpty, "\(file.path) imports \(surplus.sorted())")
        }
    }

    /// A library that is kept to one place: its name, and the files or folders that may import it.
    private static let confined: [(module: String, places: [String])] = [
        ("CChecksum", ["Sources/ProxyCore/Ledger/Journal/CRC32C.swift"]),
        ("CGuardedMapping", ["Sources/ProxyCore/Ledger/Journal/InFlightFile.swift"]),
        ("CYAML", ["Sources/ProxyCore/Configuration/YAML/YAMLReader.swift"]),
        ("CZlib", ["Sources/ProxyCore/Exchange/Accept/Inflater.swift"]),
        ("GRDB", ["Sources/ProxyCore/Ledger/Store/"]),
        ("ArgumentParser", ["Sources/proxyd/"]),
    ]

    @Test(arguments: confined)
    func aLibraryStaysInItsPlace(_ module: String, _ places: [String]) {
        let importers = SourceTree.swiftFiles(in: "Sources").filter { $0.imports.contains(module) }.map(\.path)
        #expect(!importers.isEmpty, "nobody imports \(module) any more")
        for path in importers {
            #expect(places.contains { path.hasPrefix($0) }, "\(path) imports \(module)")
        }
    }

    /// What a request runs through, and the files there that work beside it: at the start, at a reload, on the ledger's queue.
    private static let hotPath: [(folder: String, beside: Set<String>)] = [
        ("Exchange/Accept", []),
        ("Exchange/Authenticate", ["KeyRegistry.swift"]),
        ("Exchange/Decide", []),
        ("Exchange/Dispatch", []),
        ("Exchange/Local", []),
        ("Exchange/Relay", []),
        ("Exchange/Settle", []),
        // What SQLite is given and gives, GRDB wants as Foundation's values.
        (
            "Ledger",
            ["SQLiteStore.swift", "SQLiteStore+Keys.swift", "SQLiteStore+Requests.swift", "SQLiteStore+Sharing.swift"]
        ),
    ]

    @Test(arguments: ["HTTP1", "ProxyCore/Listen", "ProxyCore/Upstreams"])
    func theWireDoesWithoutFoundation(_ folder: String) {
        let files = SourceTree.swiftFiles(in: "Sources/\(folder)")
        #expect(!files.isEmpty)
        for file in files {
            #expect(!file.imports.contains { $0.hasPrefix("Foundation") }, "\(file.path) imports Foundation")
        }
    }

    @Test(arguments: hotPath)
    func theHotPathDoesWithoutFoundation(_ folder: String, _ beside: Set<String>) {
        let files = SourceTree.swiftFiles(in: "Sources/ProxyCore/\(folder)")
        #expect(!files.isEmpty)
        let missing = beside.subtracting(files.map(\.name))
        #expect(missing.isEmpty, "\(missing.sorted()) are there no more")
        for file in files where !beside.contains(file.name) {
            let foundation = file.imports.filter { $0.hasPrefix("Foundation") }
            #expect(foundation.isEmpty, "\(file.path) imports \(foundation.sorted())")
        }
    }

    @Test func whatAllStagesShareDoesWithoutFoundation() {
        let folder = "Sources/ProxyCore/Exchange"
        let files = SourceTree.swiftFiles(in: folder).filter { $0.path == "\(folder)/\($0.name)" }
        #expect(files.count > 1)
        for file in files {
            #expect(!file.imports.contains { $0.hasPrefix("Foundation") }, "\(file.path) imports Foundation")
        }
    }

    @Test(
        arguments: [
            ("import NIOCore", "NIOCore"), ("@testable import ProxyCore", "ProxyCore"), ("public import Dialects", "Dialects"),
            ("@preconcurrency import NIO // why", "NIO"), ("    import Glibc", "Glibc"),
            ("import struct Logging.Logger", "Logging"),
            ("import Crypto.Digest", "Crypto"), ("// import Foundation", nil), ("let import = 1", nil), ("important()", nil),
        ] as [(String, String?)])
    func anImportLineIsRead(_ line: String, _ module: String?) {
        #expect(SourceFile.importedModule(of: line[...]) == module)
    }

    // MARK: Sources

    private static let longest = 600

    @Test(arguments: ["Sources", "Tests", "Fuzz"])
    func noFileIsTooLongToBeRead(_ folder: String) {
        let files = SourceTree.swiftFiles(in: folder)
        #expect(!files.isEmpty)
        // What a script writes is read where it comes from.
        for file in files where !file.name.hasSuffix(".generated.swift") {
            #expect(file.lines.count <= Self.longest, "\(file.path) has \(file.lines.count) lines: split it by what it is about")
        }
    }

    @Test(arguments: ["try!", "fatalError(", "TODO", "FIXME"])
    func noSourceTrapsOnPurposeOrPutsOff(_ word: String) {
        let files = SourceTree.swiftFiles(in: "Sources")
        #expect(files.count > 200)
        let bytes = Array(word.utf8)
        for file in files where file.text.contains(word) {
            for (number, line) in file.lines.enumerated() where line.utf8.contains(bytes) {
                Issue.record("\(file.path):\(number + 1): \(word)")
            }
        }
    }

    // MARK: Pages

    @Test func everyShippedConfigurationIsNamedInAPage() {
        let pages = ["README.md", "deploy/README.md"] + SourceTree.files(in: "docs", ending: ".md")
        let text = pages.map(SourceTree.text).joined(separator: "\n")
        let configurations = SourceTree.files(in: "etc", ending: ".yaml")
        #expect(configurations.count >= 9)
        for path in configurations {
            let isNamed = text.contains(path)
            #expect(isNamed, "\(path) is named in no page")
        }
    }

    @Test func everyTopLevelFolderIsNamedInTheArchitecture() {
        let text = SourceTree.text("ARCHITECTURE.md")
        let folders = SourceTree.folders(in: "").filter { !SourceTree.isIgnored($0) }
        #expect(folders.contains("Sources") && folders.contains("docs"))
        for folder in folders {
            let isNamed = text.contains("`\(folder)/")
            #expect(isNamed, "\(folder)/ is not in ARCHITECTURE.md")
        }
    }

    @Test func everyFolderOfTheSourcesIsNamedInTheArchitecture() {
        let text = SourceTree.text("ARCHITECTURE.md")
        for path in ["Sources", "Sources/ProxyCore", "Sources/ProxyCore/Exchange"] {
            for folder in SourceTree.folders(in: path) {
                let isNamed = text.contains("`\(folder)/`")
                #expect(isNamed, "\(path)/\(folder) is not in ARCHITECTURE.md")
            }
        }
    }

    @Test(arguments: ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/decisions/README.md", "Benchmarks/README.md"])
    func linksOfAPageLeadSomewhere(_ page: String) {
        let folder = (page as NSString).deletingLastPathComponent
        let links = SourceTree.links(in: SourceTree.text(page)).filter { !$0.contains("://") && !$0.hasPrefix("#") }
        #expect(!links.isEmpty)
        for link in links {
            let target = link.prefix { $0 != "#" }
            let path = folder.isEmpty ? String(target) : "\(folder)/\(target)"
            #expect(SourceTree.exists(path), "\(page) links to \(link)")
        }
    }
}
