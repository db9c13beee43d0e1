import Foundation
import Synchronization

@testable import ProxyCore

/// Where things are, and files that go away with the test.
enum ConfigurationFixture {
    /// The root of the package: the nearest folder above that has an `etc/proxy.yaml`.
    static let root: URL = {
        var folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        while folder.path != "/", !FileManager.default.fileExists(atPath: folder.appendingPathComponent("etc/proxy.yaml").path) {
            folder.deleteLastPathComponent()
        }
        return folder
    }()

    /// Something of the shared folder beside the package, or where PROXYD_SHARED says; nil when it is not there.
    static func shared(_ path: String) -> URL? {
        let named = ProcessInfo.processInfo.environment["PROXYD_SHARED"].map { URL(fileURLWithPath: $0) }
        let folder = named ?? root.deletingLastPathComponent().appendingPathComponent("shared")
        let url = folder.appendingPathComponent(path)
        return FileManager.default.fileExists(atPath: url.path) ? url : nil
    }

    /// Runs `body` with a new folder that is removed afterwards.
    static func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
        let folder = try makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }

    static func makeFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("proxyd-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// What comes of a text. Each is loaded once: many tests want the same file, and a load is dear under the sanitizer.
    static func load(_ text: String, environment: [String: String] = [:]) -> LoadResult {
        let file = GivenFile(text: text, environment: environment)
        // What names further files may find others there the next time.
        guard !text.contains("include"), !text.contains("${file:"), !text.contains(".pem") else { return file.load() }
        if let known = loaded.withLock({ $0[file] }) { return known }
        let result = file.load()
        loaded.withLock { $0[file] = result }
        return result
    }

    private struct GivenFile: Hashable {
        let text: String
        let environment: [String: String]

        func load() -> LoadResult { ConfigurationLoader.load(text: text, file: "proxy.yaml", environment: environment) }
    }

    private static let loaded = Mutex<[GivenFile: LoadResult]>([:])

    /// A valid file; `more` is put before its upstreams.
    static func file(_ more: String = "", tiers: String = "[a]") -> String {
        """
        \(more)
        upstreams:
          a: {url: "http://localhost:8080", dialect: anthropic}
        rules:
          - name: all
            tiers: \(tiers)
        """
    }

    static func messages(_ result: LoadResult) -> [String] {
        result.diagnostics.map { diagnostic in
            var bare = diagnostic
            bare.sourceLine = nil
            return DiagnosticRenderer.text(bare)
        }
    }
}
