func fuzzJSON(_ input: FuzzInput) {
    let own = Array(input.bytes)
    own.withUnsafeBytes { bytes in
        let isScanned = (try? JSONScan.validate(bytes)) != nil
        let tree = try? JSONValue(parsing: bytes, limits: JSONValue.Limits(depth: JSONScan.maxDepth))
        require(isScanned == (tree != nil), "scan and tree agree on what is JSON")
        if let tree {
            let written = tree.bytes
            require(
                (try? JSONValue(parsing: written, limits: JSONValue.Limits(depth: JSONScan.maxDepth))) == tree,
                "what is written reads the same")
        }
        var members: [JSONMember] = []
        guard let object = try? JSONScan.members(of: bytes, into: &members) else { return }
        require(tree?.object?.count == members.count, "the scan lists every member")
        for member in members {
            require(
                object.lowerBound < member.key.lowerBound && member.value.upperBound < object.upperBound, "members lie inside")
        }
        patch(bytes, object, members, input)
    }
}

/// Patches at will: what comes out is JSON and says what was set.
private func patch(_ bytes: UnsafeRawBufferPointer, _ object: Range<Int>, _ members: [JSONMember], _ input: FuzzInput) {
    var patch = JSONPatch(object: object, members: members)
    if input.choice & 1 != 0, let first = members.first { patch.remove(first.keyString(in: bytes), in: bytes) }
    if input.choice & 2 != 0, let last = members.last { patch.remove(last.keyString(in: bytes), in: bytes) }
    if input.choice & 4 != 0 { patch.includeUsage(in: bytes) }
    if input.choice & 8 != 0 { patch.cap("max_tokens", at: 7, in: bytes) }
    patch.set("model", toString: "m\"\n", in: bytes)
    let patched = patch.apply(to: bytes)
    let limits = JSONValue.Limits(depth: JSONScan.maxDepth + 1)
    let value = try? JSONValue(parsing: patched, limits: limits)
    require(value?["model"] == "m\"\n", "a patched object is JSON and has what was set")
    if input.choice & 4 != 0 { require(value?["stream_options"]?["include_usage"] == true, "usage is asked for") }
}
