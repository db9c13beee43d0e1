func fuzzProxyHeader(_ input: FuzzInput) {
    let whole = ProxyHeader.read(input.bytes)
    let part = input.prefix(input.cut).withUnsafeBytes { ProxyHeader.read($0) }
    switch whole {
    case .complete(let header):
        require(header.byteCount <= input.bytes.count && header.byteCount >= 15, "a header ends within the bytes")
        require(header.byteCount <= 16 + ProxyHeader.longestBlock, "a header is bounded")
        if input.cut >= header.byteCount {
            require(part == whole, "what follows a header does not change it")
        } else {
            require(part == .incomplete, "a header without its end is incomplete")
        }
    case .incomplete:
        require(input.bytes.count < 16 + ProxyHeader.longestBlock, "a header is not waited for without end")
        require(part == .incomplete, "the beginning of what is incomplete is incomplete")
    case .invalid: break
    }
    if case .invalid = part { require(whole == .invalid, "what is wrong stays wrong") }

    let text = String(decoding: input.bytes, as: UTF8.self)
    let trusted = TrustedProxies(ranges: [AddressRange("10.0.0.0/8")].compactMap { $0 })
    let whom = ForwardedFor.client([text], trusted: trusted)
    if case .address(let address) = whom {
        require(AddressRange.Address(address.description) == address, "an address reads as it is written")
        let again = ForwardedFor.client([text, address.description], trusted: trusted)
        require(trusted.contains(address) || again == whom, "an address that is no proxy's ends the search")
    }
}
