import Testing

@testable import RuleEngine

@Suite struct CalculationTests {
    @Test(arguments: [
        // Macros, those of two variables too.
        ("[1, 2, 3].all(x, x > 0) && [1, 2].exists(i, x, i == x - 1)", "true"), ("[1, 2, 2].exists_one(x, x == 2)", "false"),
        ("[5, 6].transformList(i, x, i > 0, x * 2)", "[12]"), ("{'a': 1}.transformMap(k, v, v + 1)", "{\"a\": 2}"),
        ("[1, 2, 3].filter(x, x % 2 == 1).map(x, x * x)", "[1, 9]"), ("has({'a': 1}.a) && !has({'a': 1}.b)", "true"),
        // Numbers of different types, and their bounds.
        ("dyn(1) == 1.0 && dyn(1u) == 1 && 2 > 1.5 && 1 in [dyn(1.0), 2u]", "true"),
        ("9223372036854775807 < 9223372036854777856.0", "true"),
        ("-9223372036854775808", "-9223372036854775808"), ("int(1.9) + int('-3')", "-2"),
        ("uint('18446744073709551615')", "18446744073709551615u"),
        ("double('1e3')", "1000.0"), ("-7 / 2 * 2 + -7 % 2", "-7"), ("1.0 / 0.0", "double(\"Infinity\")"),
        ("dyn(1) == 'a'", "false"),
        // Texts and bytes, however they are written.
        ("'''a'b''' + r'\\n' + \"\\u00e9\\x41\\101\"", "\"a'b\\\\néAA\""), ("b'\\xff' + b'a'", "b\"\\xffa\""),
        ("size('héé') + size(b'é')", "5"),
        ("string(b'\\303\\251') == 'é'", "true"), ("bytes('é')", "b\"\\xc3\\xa9\""), ("'\\a\\b\\f\\v\\?\\`'.size()", "6"),
        ("rb'\\d'", "b\"\\\\d\""),
        // The string extension.
        ("'tacocat'.charAt(3) + 'abcabc'.substring(4)", "\"obc\""),
        ("['abcabc'.indexOf('c'), 'abcabc'.lastIndexOf('c')]", "[2, 5]"),
        ("' x '.trim() + 'a-b'.replace('-', '+').upperAscii()", "\"xA+B\""),
        ("'a,b,c'.split(',', 2).join('|').reverse()", "\"c,b|a\""),
        ("strings.quote('a\"b')", "\"\\\"a\\\\\\\"b\\\"\""),
        ("'%s %d %.2f %x'.format([['a', 1], 7, 1.5, 255])", "\"[a, 1] 7 1.50 ff\""),
        // Times, with zones.
        ("timestamp('2026-02-11T15:00:00Z').getHours('+09:30')", "0"),
        ("timestamp('2026-02-11T15:00:00Z').getDayOfWeek('Asia/Singapore')", "3"),
        ("timestamp('2026-01-01T00:00:00Z') + duration('1h') - duration('1.5s')", "timestamp(\"2026-01-01T00:59:58.5Z\")"),
        ("timestamp('2026-01-02T00:00:00Z') - timestamp('2026-01-01T00:00:00Z') > duration('23h')", "true"),
        ("duration('90m').getHours() + int(timestamp(60))", "61"), ("string(duration('1h0.5s'))", "\"3600.5s\""),
        // Optionals, and what is made of them.
        ("{'a': 1}[?'b'].or(optional.of(2)).value() + [1][?0].orValue(5)", "3"),
        ("{?'a': optional.none(), ?'b': optional.of(1)}", "{\"b\": 1}"),
        ("[?optional.of(1), ?optional.none()]", "[1]"), ("{'a': {'b': 1}}.?a.?b.optMap(x, x + 1)", "optional.of(2)"),
        ("optional.of(3).optFlatMap(x, optional.ofNonZeroValue(x - 3)).hasValue()", "false"),
        ("optional.ofNonZeroValue('')", "optional.none()"),
        ("optional.unwrap([optional.of(1), optional.none()]) + [optional.of(2)].unwrapOpt()", "[1, 2]"),
        ("[[1, 2].first(), [1, 2].last(), [1].filter(x, x > 1).first()].unwrapOpt()", "[1, 2]"),
        ("{'a': 1}.transformMapEntry(k, v, {v: k})", "{1: \"a\"}"),
        ("['x', 'y'].transformMapEntry(i, v, i > 0, {v: i})", "{\"y\": 1}"),
        ("[r\"C:\\\".size(), size(rb'\\'), [1, 2,].size()]", "[3, 1, 2]"),
        // Networks.
        ("cidr('10.0.0.0/8').containsIP('10.1.2.3') && !isIP('10.1.2') && ip('::1').isLoopback()", "true"),
        ("ip('2001:DB8::1')", "ip(\"2001:db8::1\")"),
        ("cidr('10.1.2.3/8').masked()", "cidr(\"10.0.0.0/8\")"),
        // Short circuits take errors with them.
        ("1 / 0 > 1 || true", "true"), ("false && 1 / 0 > 1", "false"), ("true ? 1 : 1 / 0", "1"),
        ("[0, 1].exists(x, 1 / x == 1)", "true"),
        // Types, mathematics, encodings.
        ("[type(1) == int, type(type('')) == type, type(null)]", "[true, true, null_type]"),
        ("math.greatest(1, 2.5, 2u) + math.abs(-1.0)", "3.5"),
        ("base64.decode(base64.encode(b'hi'))", "b\"hi\""), ("cel.bind(a, 'x', a + a)", "\"xx\""),
        // The messages that every CEL knows.
        ("google.protobuf.Int32Value{value: 7} + 1", "8"), ("google.protobuf.StringValue{} == ''", "true"),
        ("google.protobuf.Value{list_value: [1, 'a', null]}", "[1.0, \"a\", null]"),
        ("google.protobuf.Struct{fields: {'n': 2.0}}.n", "2.0"),
        ("google.protobuf.Value{null_value: google.protobuf.NullValue.NULL_VALUE}", "null"),
        ("google.protobuf.FloatValue{value: 0.1} == 0.1", "false"),
        (
            "google.protobuf.Timestamp{seconds: 60} - google.protobuf.Duration{nanos: 5}",
            "timestamp(\"1970-01-01T00:00:59.999999995Z\")"
        ),
        ("google.protobuf.BoolValue{?value: optional.none()}", "false"),
    ])
    func computes(_ source: String, _ expected: String) throws {
        for typing in [Calculation.Typing.checked, .dynamic] {
            let calculation = try Calculation(source, typing: typing)
            let zones: TimeZoneOffset = { zone, _ in zone == "Asia/Singapore" ? 28_800 : nil }
            guard case .value(let value) = calculation.evaluate(utcOffset: zones) else {
                Issue.record("\(source): \(calculation.evaluate(utcOffset: zones))")
                continue
            }
            #expect(value.text == expected)
        }
    }

    @Test(arguments: [
        ("9223372036854775807 + 1", "the result is out of range"), ("-9223372036854775808 / -1", "the result is out of range"),
        ("0u - 1u", "the result is out of range"), ("{'a': 1}['b']", "no such key: b"), ("[1][1]", "index out of range: 1"),
        ("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "the result is out of range"),
        ("optional.none().value()", "the optional is none"),
        ("timestamp('2026-01-01T00:00:00Z').getHours('Mars/Olympus')", "time zone 'Mars/Olympus' is not known"),
        ("google.protobuf.Int32Value{value: 2147483648}", "2147483648 is no Int32Value"),
        ("uint(-0.5)", "-0.5 is no uint"), ("[1, 2].transformMapEntry(i, v, {'a': i})", "a key is there twice"),
        ("google.protobuf.Struct{fields: dyn({1: 2})}", "a Struct's keys are strings"), ("int(1e300)", "1e+300 is no int"),
    ])
    func failsWhileItIsComputed(_ source: String, _ message: String) throws {
        #expect(try Calculation(source).evaluate() == .failed(message))
    }

    @Test(arguments: [
        ("1 + 'a'", 0, 7, "no such overload: int + string"),
        ("google.protobuf.Int32Value{valu: 1}", 0, 35, "google.protobuf.Int32Value has no field 'valu' (did you mean 'value'?)"),
        ("google.protobuf.Int32Value{value: 'a'}", 34, 3, "'value' wants an int, this is a string"),
        ("google.protobuf.Value{bool_value: true, bool_value: false}", 52, 5, "'bool_value' is named twice"),
        ("my.Message{a: 1}", 0, 16, "there are no messages here, so 'my.Message{…}' cannot be made"),
    ])
    func refusesWithPlaceAndReason(_ source: String, _ offset: Int, _ length: Int, _ message: String) {
        #expect(throws: Condition.Problem(offset: offset, length: length, message: message)) { try Calculation(source) }
    }

    @Test(arguments: ["size('a',)", "'a'.contains('b',)", "math.greatest(1, 2,)", "size(,)"])
    func aCallEndsWithAnArgument(_ source: String) {
        #expect(throws: Condition.Problem.self) { try Calculation(source) }
    }

    @Test func bindingsComeInAndOutAsTheyAre() throws {
        let values: [ExpressionValue] = [
            .null, .bool(true), .int(.min), .uint(.max), .double(-0.5), .string("é"), .bytes([0, 255]), .list([.int(1), .null]),
            .map([.init(.string("b"), .int(1)), .init(.bool(true), .list([]))]),
            .timestamp(Facts.Timestamp(seconds: -1, nanoseconds: 5)),
            .duration(nanoseconds: -1), .type("int"), .optional(nil), .optional(.optional(.int(1))), .ip("10.0.0.1"),
            .cidr("::/0"),
        ]
        for value in values {
            #expect(try Calculation("x", bindings: [("x", value)]).evaluate() == .value(value))
        }
        #expect(try Calculation("a.b + x", bindings: [("a.b", .int(1)), ("x", .int(2))]).evaluate() == .value(.int(3)))
    }

    @Test func whatIsNoValueIsRefused() {
        let twice = ExpressionValue.map([.init(.int(1), .null), .init(.uint(1), .null)])
        let deep = (0..<70).reduce(ExpressionValue.null) { value, _ in .list([value]) }
        let badKey = ExpressionValue.map([.init(.double(1), .null)])
        let late = ExpressionValue.timestamp(Facts.Timestamp(seconds: 1 << 60))
        for value in [twice, deep, badKey, late] {
            #expect(throws: Condition.Problem.self) { try Calculation("true", bindings: [("x", value)]) }
        }
        #expect(throws: Condition.Problem.self) { try Calculation("true", bindings: [("x", .null), ("x", .null)]) }
        let many = (0...Calculation.mostBindings).map { (name: "n\($0)", value: ExpressionValue.null) }
        #expect(throws: Condition.Problem.self) { try Calculation("true", bindings: many) }
    }

    /// Each would take seconds or gigabytes if it were not stopped.
    @Test(arguments: [
        // A result that holds itself many times over.
        (1...40).reversed().reduce("a40") { body, level in "cel.bind(a\(level), [a\(level - 1), a\(level - 1)], \(body))" },
        // A text that doubles.
        (1...30).reversed().reduce("size(t30)") { body, level in "cel.bind(t\(level), t\(level - 1) + t\(level - 1), \(body))" },
        // Digits of the least doubles, many times.
        "list.map(x, '%f%f%f%f'.format([least, least, least, least]))",
        // A long key, looked up and hashed again and again.
        "list.all(x, !(text + text in {'a': 1}))", "list.all(x, {text: 1}.size() == 1)",
        // Cutting a long text into single characters.
        "list.map(x, text.split(''))", "list.map(x, text.split('a'))", "list.map(x, text.replace('', text))",
        // A pattern that is made while computing.
        "list.all(x, text.substring(0, 4000).matches('[' + text.substring(0, 4000) + ']'))",
        "list.all(x, list.all(y, list.all(z, z >= 0)))", "list.map(x, list + list)", "list.map(x, int(text) == 1)",
    ])
    func workIsBounded(_ source: String) throws {
        let list = ExpressionValue.list((0..<1_000).map { .int($0) })
        let text = ExpressionValue.string(String(repeating: "a", count: 1 << 19))
        let bindings: [(name: String, value: ExpressionValue)] = [
            ("list", list), ("text", text), ("a0", .list([list])), ("t0", text), ("least", .double(Double.leastNonzeroMagnitude)),
        ]
        let calculation = try Calculation(source, bindings: bindings, typing: .dynamic)
        guard case .failed = calculation.evaluate() else {
            Issue.record("it was computed to its end")
            return
        }
    }

    @Test func patternsOfOneExpressionAreBoundedTogether() {
        let pattern = "'x'.matches('(a{1000}){9}')"
        let source = Array(repeating: pattern, count: 20).joined(separator: " || ")
        #expect(throws: Condition.Problem.self) { try Condition(source) }
    }
}
