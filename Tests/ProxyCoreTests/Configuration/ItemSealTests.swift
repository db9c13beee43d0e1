import Foundation
import Testing

@testable import ProxyCore

@Suite struct ItemSealTests {
    private let directory = FileManager.default.temporaryDirectory.appendingPathComponent("items-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) }

    @Test func anItemOpensAgainAfterARestart() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let sealed = try #require(ItemSeal.of(directory: directory, environment: [:]).seal(Array("summary".utf8)))
        let again = try ItemSeal.of(directory: directory, environment: [:])
        #expect(again.open(sealed) == Array("summary".utf8))
        #expect(ItemSeal.passing().open(sealed) == nil)
        let attributes = try FileManager.default.attributesOfItem(atPath: directory + "/" + ItemSeal.fileName)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        // A key in the environment comes later: what was sealed before still opens.
        #expect(try ItemSeal.of(directory: directory, environment: ["PROXYD_SEAL_KEY": "k"]).open(sealed) != nil)
    }

    @Test func nodesWithTheSameKeyOpenEachOthers() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let seal = try ItemSeal.of(directory: "/nowhere", environment: ["PROXYD_SEAL_KEY": "k"])
        let sealed = try #require(seal.seal([1, 2]))
        let rotated = ["PROXYD_SEAL_KEY": "new", Seal.oldKeyVariable: "k"]
        #expect(try ItemSeal.of(directory: directory, environment: rotated).open(sealed) == [1, 2])
        #expect(try ItemSeal.of(directory: directory, environment: ["PROXYD_SEAL_KEY": "other"]).open(sealed) == nil)
    }

    @Test(arguments: [[], [1], Array(repeating: UInt8(0), count: 40)])
    func whatIsNoneDoesNotOpen(_ bytes: [UInt8]) {
        #expect(ItemSeal.passing().open(bytes) == nil)
    }
}
