import Testing

@testable import ProxyCore

struct ProxyHeaderTests {
    private static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
    private static let v4: [UInt8] = [10, 1, 2, 3, 192, 168, 0, 1, 0x12, 0x34, 0x01, 0xbb]
    private static let v6: [UInt8] =
        [0x20, 0x01, 0x0d, 0xb8] + Array(repeating: 0, count: 11) + [7] + Array(repeating: 1, count: 20)

    private static func binary(_ command: UInt8, _ family: UInt8, _ block: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? block.count
        return signature + [command, family, UInt8(length >> 8), UInt8(length & 255)] + block
    }

    private func read(_ bytes: [UInt8]) -> ProxyHeader.Outcome { bytes.withUnsafeBytes { ProxyHeader.read($0) } }

    private static func source(_ text: String) throws -> ProxyHeader.Source { .address(try #require(AddressRange.Address(text))) }

    @Test(arguments: [
        ("PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\n", "192.0.2.7"),
        ("PROXY TCP6 2001:db8::7 2001:db8::1 0 65535\r\n", "2001:db8::7"),
        ("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n", "192.0.2.7"),
    ])
    func `a line names the client`(line: String, address: String) throws {
        let header = ProxyHeader(byteCount: line.utf8.count, source: try Self.source(address))
        #expect(read(Array(line.utf8)) == .complete(header))
        #expect(read(Array(line.utf8) + Array("GET / HTTP/1.1\r\n".utf8)) == .complete(header))
        for cut in 0..<line.utf8.count { #expect(read(Array(line.utf8.prefix(cut))) == .incomplete) }
    }

    @Test(arguments: ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"])
    func `a line may know nothing`(line: String) {
        #expect(read(Array(line.utf8)) == .complete(ProxyHeader(byteCount: line.utf8.count, source: .unknown)))
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\n", "PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n", "PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n", "PROXY TCP4  198.51.100.1 1 2\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
        "proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n", "PROXY\r\n", "PROXY \r\n", "PROXY TCP4\t192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7%eth0 198.51.100.1 1 2\r\n", "PROXY TCP4 192.0.2.7\r 198.51.100.1 1 2\r\n",
        "PROXY TCP4 0300.0.2.7 198.51.100.1 1 2\r\n", "PROXY UNKNOWNX\r\n",
    ])
    func `a line that is not exactly one is refused`(line: String) {
        #expect(read(Array(line.utf8)) == .invalid)
    }

    @Test func `a line has an end in time`() {
        #expect(read(Array("PROXY UNKNOWN ".utf8) + Array(repeating: 0x61, count: 91)) == .incomplete)
        #expect(read(Array("PROXY UNKNOWN ".utf8) + Array(repeating: 0x61, count: 200)) == .invalid)
        #expect(read(Array("PROXY UNKNOWN ".utf8) + Array(repeating: 0x61, count: 200) + [13, 10]) == .invalid)
    }

    @Test func `the binary form names the client`() throws {
        for (bytes, source) in [
            (Self.binary(0x21, 0x11, Self.v4), try Self.source("10.1.2.3")),
            (Self.binary(0x21, 0x21, Self.v6), try Self.source("2001:db8::7")),
            (Self.binary(0x21, 0x11, Self.v4 + [4, 0, 2, 9, 9, 1, 0, 0]), try Self.source("10.1.2.3")),
            (Self.binary(0x21, 0x31, Array(repeating: 65, count: 216)), .unix),
            (Self.binary(0x20, 0x00, []), .unknown), (Self.binary(0x20, 0x11, Self.v4), .unknown),
            (Self.binary(0x20, 0x21, [1]), .unknown), (Self.binary(0x21, 0x00, [1, 2, 3]), .unknown),
            (Self.binary(0x21, 0x12, Self.v4), .unknown),
        ] {
            #expect(read(bytes) == .complete(ProxyHeader(byteCount: bytes.count, source: source)))
            #expect(read(bytes + [0x16, 3, 1]) == .complete(ProxyHeader(byteCount: bytes.count, source: source)))
            for cut in bytes.indices { #expect(read(Array(bytes.prefix(cut))) == .incomplete) }
        }
    }

    @Test func `a checksum of the header is looked at`() throws {
        // Worked out by another program: CRC-32C of the header with zeros in its place.
        let right = Self.binary(0x21, 0x11, Self.v4 + [4, 0, 1, 9, 3, 0, 4] + [0x00, 0xea, 0xbb, 0xac] + [1, 0, 0])
        #expect(read(right) == .complete(ProxyHeader(byteCount: right.count, source: try Self.source("10.1.2.3"))))
        for index in [16, 20, 34, 40, right.count - 4] {
            var wrong = right
            wrong[index] ^= 1
            #expect(read(wrong) == .invalid)
        }
        for value in [[], [0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0]] as [[UInt8]] {
            #expect(read(Self.binary(0x21, 0x11, Self.v4 + [3, 0, UInt8(value.count)] + value)) == .invalid)
        }
        // What a balancer says of itself has nothing that counts.
        #expect(read(Self.binary(0x20, 0x11, Self.v4 + [3, 0, 4, 0, 0, 0, 0])) != .invalid)
    }

    @Test func `the binary form that is not exactly one is refused`() {
        for bytes in [
            Self.binary(0x22, 0x11, Self.v4), Self.binary(0x11, 0x11, Self.v4), Self.binary(0x01, 0x11, Self.v4),
            Self.binary(0x21, 0x13, Self.v4), Self.binary(0x21, 0x41, Self.v4), Self.binary(0x21, 0x01, Self.v4),
            Self.binary(0x21, 0x11, Array(Self.v4.dropLast())), Self.binary(0x21, 0x21, Self.v4),
            Self.binary(0x21, 0x11, Self.v4 + [4, 0]), Self.binary(0x21, 0x11, Self.v4 + [4, 0, 3, 1]),
            Self.binary(0x21, 0x11, Self.v4, length: 4097), Self.binary(0x21, 0x11, Self.v4, length: 65_535),
            Array(Self.signature.dropLast()) + [0x0b, 0x21],
        ] {
            #expect(read(bytes) == .invalid)
        }
    }
}

struct ForwardedForTests {
    private static let chains: [([String], String)] = [
        ([], "peer"), ([""], "peer"), ([" , ,"], "peer"), (["192.0.2.7"], "192.0.2.7"), (["192.0.2.7:4711"], "192.0.2.7"),
        (["2001:db8::7"], "2001:db8::7"), (["[2001:db8::7]"], "2001:db8::7"), (["[2001:DB8:0::7]:4711"], "2001:db8::7"),
        (["::ffff:192.0.2.7"], "192.0.2.7"), (["fe80::1%eth0"], "fe80::1"), (["\t192.0.2.7 \t"], "192.0.2.7"),
        (["203.0.113.9, 192.0.2.7"], "192.0.2.7"), (["203.0.113.9,192.0.2.7,10.0.0.2, 10.0.0.1"], "192.0.2.7"),
        (["203.0.113.9", "192.0.2.7, 10.0.0.2", "10.0.0.1"], "192.0.2.7"), (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (["evil, 192.0.2.7"], "192.0.2.7"), (["192.0.2.7, evil"], "unknown"), (["192.0.2.7, evil, 10.0.0.1"], "10.0.0.1"),
        (["unknown"], "unknown"), (["_hidden"], "unknown"), (["192.0.2.7:99999"], "unknown"), (["192.0.2.7:"], "unknown"),
        (["192.0.2"], "unknown"), (["192.0.2.07"], "unknown"), (["[192.0.2.7]"], "unknown"), (["[2001:db8::7]x"], "unknown"),
        (["[2001:db8::7"], "unknown"), (["192.0.2.7%eth0"], "unknown"), (["\"192.0.2.7\""], "unknown"),
        (["for=192.0.2.7"], "unknown"),
        ([Array(repeating: "10.0.0.1", count: 64).joined(separator: ",")], "10.0.0.1"),
        ([Array(repeating: "10.0.0.1", count: 65).joined(separator: ",")], "10.0.0.1"),
    ]

    private func client(_ values: [String], trusted: [String]) -> String {
        let proxies = TrustedProxies(ranges: trusted.compactMap { AddressRange($0) })
        switch ForwardedFor.client(values, trusted: proxies) {
        case .peer: return "peer"
        case .unknown: return "unknown"
        case .address(let address): return address.description
        }
    }

    @Test(arguments: chains)
    func `the rightmost address that is no proxy's is the client's`(values: [String], expected: String) {
        #expect(client(values, trusted: ["10.0.0.0/8"]) == expected)
    }

    @Test func `of a Unix socket only unix is trusted`() throws {
        let socket = try NIOCoreUnix.address()
        #expect(PeerAddress(socket).text == "unix")
        #expect(!PeerAddress(socket).isAmong(TrustedProxies(ranges: [try #require(AddressRange("0.0.0.0/0"))])))
        #expect(PeerAddress(socket).isAmong(TrustedProxies(includesUnixSockets: true)))
        #expect(!PeerAddress(socket).named(by: .unix).isAmong(TrustedProxies(includesUnixSockets: true)))
    }

    @Test(arguments: ["192.0.2.7", "2001:db8::7", "::1", "::"])
    func `an address is written as it is read`(text: String) throws {
        #expect(try #require(AddressRange.Address(text)).description == text)
    }
}
