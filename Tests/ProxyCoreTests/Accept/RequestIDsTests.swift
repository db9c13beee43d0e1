import Testing

@testable import ProxyCore

struct RequestIDsTests {
    @Test func `ids are unique, of one length, and made of letters and digits`() {
        var ids = RequestIDs()
        var seen: Set<String> = []
        for _ in 0..<10_000 {
            let id = ids.next()
            #expect(id.hasPrefix("req_") && id.utf8.count == 28)
            #expect(id.dropFirst(4).allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) })
            #expect(seen.insert(id).inserted)
        }
    }

    @Test func `two generators share nothing`() {
        var a = RequestIDs()
        var b = RequestIDs()
        #expect(a.next() != b.next())
    }
}
