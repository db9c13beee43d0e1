/// The network extension: addresses and networks.
extension FunctionLibrary {
    static let network: [Function] = [
        Function("ip", [.global([.string], .ip), .member([.cidr], .ip)], .unary(ip)),
        Function(
            "cidr", [.global([.string], .cidr)],
            .unary { value, _ throws(EvaluationError) in
                guard case .string(let text) = value else { throw .noOverload("cidr", value) }
                guard let network = IPNetwork(text) else { throw .failed("\(value.shown) is no network; write \"10.0.0.0/8\"") }
                return .cidr(network)
            }),
        Function(
            "isIP", [.global([.string], .bool)],
            .unary { value, _ throws(EvaluationError) in
                guard case .string(let text) = value else { throw .noOverload("isIP", value) }
                return .bool(IPAddress(text) != nil)
            }),
        Function(
            "isCIDR", [.global([.string], .bool)],
            .unary { value, _ throws(EvaluationError) in
                guard case .string(let text) = value else { throw .noOverload("isCIDR", value) }
                return .bool(IPNetwork(text) != nil)
            }),
        Function(
            "ip.isCanonical", [.global([.string], .bool)],
            .unary { value, _ throws(EvaluationError) in
                guard case .string(let text) = value else { throw .noOverload("ip.isCanonical", value) }
                guard let address = IPAddress(text) else { throw .failed("\(value.shown) is no IP address") }
                return .bool(address.text == text)
            }),
        Function(
            "family", [.member([.ip], .int)],
            .unary { value, _ throws(EvaluationError) in
                guard case .ip(let address) = value else { throw .noOverload("family", value) }
                return .int(address.isV4 ? 4 : 6)
            }),
        question("isUnspecified") { $0.isUnspecified },
        question("isLoopback") { $0.isLoopback },
        question("isGlobalUnicast") { $0.isGlobalUnicast },
        question("isLinkLocalUnicast") { $0.isLinkLocalUnicast },
        question("isLinkLocalMulticast") { $0.isLinkLocalMulticast },
        Function("containsIP", [.member([.cidr, .ip], .bool), .member([.cidr, .string], .bool)], .binary(containsIP)),
        Function("containsCIDR", [.member([.cidr, .cidr], .bool), .member([.cidr, .string], .bool)], .binary(containsCIDR)),
        Function(
            "masked", [.member([.cidr], .cidr)],
            .unary { value, _ throws(EvaluationError) in
                guard case .cidr(let network) = value else { throw .noOverload("masked", value) }
                return .cidr(network.masked)
            }),
        Function(
            "prefixLength", [.member([.cidr], .int)],
            .unary { value, _ throws(EvaluationError) in
                guard case .cidr(let network) = value else { throw .noOverload("prefixLength", value) }
                return .int(network.prefixLength)
            }),
    ]

    private static func question(_ name: String, _ holds: @escaping @Sendable (IPAddress) -> Bool) -> Function {
        Function(
            name, [.member([.ip], .bool)],
            .unary { value, _ throws(EvaluationError) in
                guard case .ip(let address) = value else { throw .noOverload(name, value) }
                return .bool(holds(address))
            })
    }

    private static func ip(_ value: CELValue, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch value {
        case .cidr(let network): return .ip(network.address)
        case .string(let text):
            guard let address = IPAddress(text) else { throw .failed("\(value.shown) is no IP address") }
            return .ip(address)
        default: throw .noOverload("ip", value)
        }
    }

    /// The text may be an IPv4-mapped address: a socket of both families shows an IPv4 client so.
    private static func containsIP(_ network: CELValue, _ value: CELValue, _ frame: inout Frame) throws(EvaluationError)
        -> CELValue
    {
        switch (network, value) {
        case (.cidr(let network), .ip(let address)): return .bool(network.contains(address))
        case (.cidr(let network), .string(let text)):
            guard let address = IPAddress(text, allowsMapped: true) else { throw .failed("\(value.shown) is no IP address") }
            return .bool(network.contains(address))
        default: throw .noOverload("containsIP", network, value)
        }
    }

    private static func containsCIDR(_ network: CELValue, _ value: CELValue, _ frame: inout Frame) throws(EvaluationError)
        -> CELValue
    {
        switch (network, value) {
        case (.cidr(let network), .cidr(let other)): return .bool(network.contains(other))
        case (.cidr(let network), .string(let text)):
            guard let other = IPNetwork(text) else { throw .failed("\(value.shown) is no network") }
            return .bool(network.contains(other))
        default: throw .noOverload("containsCIDR", network, value)
        }
    }
}
