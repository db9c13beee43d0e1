import Testing

@testable import ProxyCore

@Suite("Certificates that end")
struct CertificateEndsTests {
    @Test("that one ends soon, and that it has ended, is told once each; another one is another matter")
    func once() {
        var ends = CertificateEnds()
        let day = 86_400
        func look(_ digest: String, _ notAfter: Int, now: Int) -> [CertificateEnds.Change] {
            ends.look(at: [(digest, notAfter), (digest, notAfter)], now: now, soon: 14 * day).map(\.change)
        }
        #expect(look("a", 20 * day, now: 0) == [])
        #expect(look("a", 20 * day, now: 6 * day) == [])
        #expect(look("a", 20 * day, now: 6 * day + 1) == [.endsSoon])
        #expect(look("a", 20 * day, now: 7 * day) == [])
        #expect(look("a", 20 * day, now: 20 * day) == [.ended])
        #expect(look("a", 20 * day, now: 21 * day) == [])
        #expect(look("b", 90 * day, now: 21 * day) == [])
        #expect(look("a", 20 * day, now: 22 * day) == [.ended])
    }
}
