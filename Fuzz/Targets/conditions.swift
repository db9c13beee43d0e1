/// Whatever text stands for a condition: it is refused at a place within it, or computed within its bounds, the same every time; what
/// comes out of an expression goes in again, and is the same.
func fuzzConditions(_ input: FuzzInput) {
    require(isReady, "the language is there")
    let first = String(decoding: input.bytes[..<input.cut], as: UTF8.self)
    let second = String(decoding: input.bytes[input.cut...], as: UTF8.self)
    condition(first + second)
    guard let calculation = calculated(first, second, input.choice & 1 == 0 ? .checked : .dynamic) else { return }
    guard case .value(let value) = calculation.evaluate() else { return }
    _ = value.text
    let again = calculated("x", value)
    guard case .value(let copy)? = again?.evaluate() else { return }
    // A double that is no number is not itself.
    require(copy.text == value.text, "a value goes in as it came out")
}

private func condition(_ source: String) {
    do throws(Condition.Problem) {
        let condition = try Condition(source)
        var facts = Facts()
        facts.request.model = "claude-opus-4-6"
        facts.request.headers = ["x-team": "red"]
        let outcome = condition.evaluate(facts)
        require(outcome == condition.evaluate(facts), "a condition gives the same twice")
        require(outcome == condition.explain(facts).outcome, "what is explained is what is decided")
    } catch {
        require(error.offset >= 0 && error.length >= 0, "a place is a place")
        require(error.offset <= source.utf8.count && !error.message.isEmpty, "a problem is within the text")
    }
}

/// An expression that sees the other half as a text.
private func calculated(_ source: String, _ text: String, _ typing: Calculation.Typing) -> Calculation? {
    let bindings: [(name: String, value: ExpressionValue)] = [
        ("x", .string(text)), ("l", .list([.int(.max), .double(.nan), .string(text)])),
        ("m", .map([.init(.string(text), .uint(.max))])),
    ]
    return try? Calculation(source, bindings: bindings, typing: typing)
}

private func calculated(_ source: String, _ value: ExpressionValue) -> Calculation? {
    try? Calculation(source, bindings: [("x", value)], typing: .dynamic)
}

/// What the language is made of is made once and kept. Some of it hangs on pointers that hold more than an address, which the
/// search for leaks does not follow.
private let isReady: Bool = {
    stopLookingForLeaks()
    defer { lookForLeaks() }
    return (try? Condition("google.protobuf.BoolValue{value: true} && type(1) == int")) != nil
}()

@_silgen_name("__lsan_disable") private func stopLookingForLeaks()
@_silgen_name("__lsan_enable") private func lookForLeaks()
