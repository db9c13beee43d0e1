import Foundation
import Testing

@testable import Dialects

@Suite("JSONTestSuite")
struct JSONSuiteTests {
    @Test("what must be accepted is, what must be refused is, nothing traps")
    func conformance() throws {
        guard let folder = sharedData("json/test_parsing") else {
            print("skipped: shared data json/test_parsing is not there")
            return
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }
        var accepted = 0
        var refused = 0
        for name in names.sorted() {
            let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
            let isScanned = bytes.withUnsafeBytes { (try? JSONScan.validate($0)) != nil }
            let tree = try? JSONValue(parsing: bytes)
            var members: [JSONMember] = []
            bytes.withUnsafeBytes { _ = try? JSONScan.members(of: $0, into: &members) }
            if name.hasPrefix("y_") {
                #expect(isScanned && tree != nil, "\(name) must be accepted")
                accepted += 1
            } else if name.hasPrefix("n_") {
                #expect(!isScanned && tree == nil, "\(name) must be refused")
                refused += 1
            } else {
                #expect(isScanned == (tree != nil) || name.contains("nested"), "\(name): scan and tree must agree")
            }
            if let tree { #expect((try? JSONValue(parsing: tree.bytes)) == tree, "\(name) must survive writing") }
        }
        #expect(accepted == 95 && refused == 188)
    }
}
