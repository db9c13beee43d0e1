import Testing

/// The house's form, read from the sources: how much a type holds, how long a function is, where HTTP/1.1 is written.
@Suite struct TidyFormTests {
    // MARK: Types

    private static let mostStored = 16
    /// The types for which less is the rule.
    private static let fewerStored = ["Exchange": 12]
    /// Plain values that have a property for each key of the file.
    private static let plainValues: Set<String> = [
        "DecodedFile", "DecodedRule", "DecodedUpstream", "Configuration", "Upstream",
    ]
    /// Libraries that are loaded at run time have a property for each function that is called.
    private static let loadedLibraries: Set<String> = ["PostgresLibrary"]

    @Test func noTypeHoldsMoreThanCanBeKeptInOrder() {
        let files = SourceTree.swiftFiles(in: "Sources/ProxyCore")
        #expect(files.count > 150)
        for file in files {
            for type in SourceTree.outline(file).types
            where !Self.plainValues.contains(type.name) && !Self.loadedLibraries.contains(type.name) {
                let most = Self.fewerStored[type.name] ?? Self.mostStored
                let isSmall = type.stored.count <= most
                #expect(
                    isSmall, "\(file.path):\(type.line): \(type.name) has \(type.stored.count) stored properties, \(most) at most"
                )
            }
        }
    }

    // MARK: Functions

    private static let longestFunction = 60

    @Test func noFunctionIsTooLongToBeRead() {
        for target in ["Basics", "HTTP1", "ProxyCore"] {
            let files = SourceTree.swiftFiles(in: "Sources/\(target)")
            #expect(!files.isEmpty)
            for file in files {
                for function in SourceTree.outline(file).functions {
                    let isShort = function.length <= Self.longestFunction
                    #expect(isShort, "\(file.path):\(function.line): \(function.name) has \(function.length) lines")
                }
            }
        }
    }

    // MARK: HTTP/1.1

    /// Files that have line breaks of their own: of multipart bodies, of files, of a vendor's arrays, of spreadsheets.
    private static let otherLineBreaks: Set<String> = [
        "Sources/ProxyCore/Exchange/Decide/FormModel.swift", "Sources/ProxyCore/Configuration/Load/ReferenceResolver.swift",
        "Sources/Dialects/Gemini/GeminiStreamWriter.swift", "Sources/Admin/Usage/GroupedReport.swift",
    ]

    /// Whether a literal, as written, is a piece of a message's head or of its framing.
    static func isWireSyntax(_ literal: String) -> Bool {
        let lower = literal.lowercased()
        return lower.utf8.contains(Array("http/1.1 ".utf8)) || lower.utf8.contains(Array("http/1.0 ".utf8))
            || lower.hasSuffix(" http/1.1")
            || lower.utf8.contains(Array(#"\r\n"#.utf8)) || lower.hasPrefix("transfer-encoding:")
            || lower.hasPrefix("content-length: ") || lower.hasPrefix("connection: close")
    }

    @Test func theWireIsWrittenInItsRooms() {
        // Redis' lines are the same, and its own.
        let rooms = ["Sources/HTTP1/", "Sources/ProxyCore/Listen/", "Sources/ProxyCore/Cluster/Redis/", "Sources/Simulator/"]
        for file in SourceTree.swiftFiles(in: "Sources") where !rooms.contains(where: file.path.hasPrefix) {
            // Most files have none of it, and need not be taken apart.
            guard [#"\r\n"#, "HTTP/1", "ransfer-", "ontent-", "onnection"].contains(where: file.text.contains) else { continue }
            for token in SourceTree.tokens(file) {
                guard case .literal(let literal) = token.kind else { continue }
                if Self.otherLineBreaks.contains(file.path), !literal.lowercased().contains("http/1") { continue }
                guard Self.isWireSyntax(literal) else { continue }
                Issue.record("\(file.path):\(token.line): \(literal.debugDescription) is for HTTP1 to write")
            }
        }
    }

    @Test(
        arguments: [
            ("HTTP/1.1 200 OK", true), (#" HTTP/1.1\r\n"#, true), ("GET / HTTP/1.1", true), (#"x: y\r\n"#, true),
            (#"0\r\n\r\n"#, true), ("Transfer-Encoding: chunked", true), ("content-length: ", true), ("connection: close", true),
            ("content-length", false), ("only HTTP/1.1 is spoken", true), ("connection", false), (#"data: x\n\n"#, false),
        ] as [(String, Bool)])
    func aLiteralOfTheWireIsKnown(_ literal: String, _ isSyntax: Bool) {
        #expect(Self.isWireSyntax(literal) == isSyntax)
    }

    // MARK: Python

    private static let longestFile = 600

    @Test func noScriptIsTooLongToBeRead() {
        let folders = SourceTree.folders(in: "").filter { !SourceTree.isIgnored($0) }
        let scripts = folders.flatMap { SourceTree.files(in: $0, ending: ".py") }
        #expect(scripts.count > 30)
        for path in scripts {
            let lines = SourceTree.text(path).utf8.filter { $0 == UInt8(ascii: "\n") }.count
            let isShort = lines <= Self.longestFile
            #expect(isShort, "\(path) has \(lines) lines: split it by what it is about")
        }
    }

    // MARK: Tests

    /// Folders of tests that are about more than one folder of the sources.
    private static let acrossFolders: Set<String> = ["Exchange", "Simulator", "Tidy", "Fixtures", "Support", "Goldens"]
    /// Folders without tests of their own: what is in them is tested end to end.
    private static let untestedAlone: Set<String> = ["Local"]

    @Test func testsStandWhereTheirSourcesDo() {
        let core = SourceTree.folders(in: "Sources/ProxyCore").filter { $0 != "Exchange" }
        let stages = SourceTree.folders(in: "Sources/ProxyCore/Exchange")
        let tests = Set(SourceTree.folders(in: "Tests/ProxyCoreTests"))
        #expect(tests.subtracting(Self.acrossFolders) == Set(core + stages).subtracting(Self.untestedAlone))
        let dialects = Set(SourceTree.folders(in: "Tests/DialectsTests")).subtracting(Self.acrossFolders)
        let strangers = dialects.subtracting(SourceTree.folders(in: "Sources/Dialects"))
        #expect(!dialects.isEmpty && strangers.isEmpty, "Tests/DialectsTests has \(strangers.sorted())")
        for target in ["Admin", "Basics", "HTTP1", "RuleEngine"] {
            let folders = SourceTree.folders(in: "Tests/\(target)Tests")
            #expect(folders.isEmpty, "Tests/\(target)Tests has \(folders)")
            #expect(!SourceTree.swiftFiles(in: "Tests/\(target)Tests").isEmpty)
        }
    }
}
