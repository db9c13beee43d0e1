import Testing

@testable import ProxyCore

@Suite struct StartPagesTests {
    @Test(
        "only what the loader never writes to is given back",
        arguments: [
            ("1000-3000 r-xp 003b2000 fe:00 1  /usr/bin/proxyd", 0x1000..<0x3000),
            ("1000-3000 r--p 00000000 fe:00 1  /usr/bin/proxyd\n", 0x1000..<0x3000),
            // Relocated: its pages are our own.
            ("1000-3000 r--p 01f3f000 fe:00 1  /usr/bin/proxyd", nil), ("1000-3000 rw-p 02056000 fe:00 1  /usr/bin/proxyd", nil),
            ("1000-3000 r-xp 00026000 fe:00 1  /usr/lib/libc.so.6", nil), ("1000-3000 rw-p 00000000 00:00 0", nil),
            ("3000-1000 r-xp 00000000 fe:00 1  /usr/bin/proxyd", nil), ("", nil), ("- r-xp 0 0 0 /usr/bin/proxyd", nil),
        ] as [(String, Range<UInt>?)])
    func pagesOfTheStart(_ line: String, _ expected: Range<UInt>?) {
        #expect(StartPages.mapping(line, of: "/usr/bin/proxyd") == expected)
    }

    @Test func theProcessLivesOn() {
        StartPages.release()
        #expect(Array("still here".utf8).count == 10)
    }
}
