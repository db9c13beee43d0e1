import Testing

@testable import RuleEngine

/// A request in the afternoon of 2026-02-11 UTC, from a trial key.
func sampleFacts() -> Facts {
    var facts = Facts()
    facts.request.model = "claude-opus-4-6"
    facts.request.path = "/v1/messages"
    facts.request.method = "POST"
    facts.request.dialect = "anthropic"
    facts.request.id = "req_1"
    facts.request.stream = true
    facts.request.hasTools = true
    facts.request.size = 2_048
    facts.request.inputTokens = 190_000
    facts.request.messages = 12
    facts.request.headers = ["x-team": "red", "authorization": "Bearer s3cret", "user-agent": "claude-cli/2.1"]
    facts.request.metadata = ["user_id": "u1"]
    facts.key.id = "k1"
    facts.key.name = "trial of ann"
    facts.key.policy = "free"
    facts.key.tags = ["env": "prod"]
    facts.key.tokensToday = 1_000_000
    facts.key.spendToday = 4.5
    facts.clientIP = "10.1.2.3"
    facts.now = Facts.Timestamp(seconds: 1_770_822_000)
    facts.quota = { upstream, model in upstream == "antigravity" && model == "claude" ? 0.25 : -1 }
    facts.quotaRunsOut = { upstream, model in
        upstream == "antigravity" && model == "claude" ? Facts.Timestamp(seconds: 1_770_823_800) : .farFuture
    }
    facts.healthy = { $0 != "down" }
    facts.utcOffset = { zone, _ in zone == "Asia/Singapore" ? 28_800 : nil }
    return facts
}

@Suite struct ConditionTests {
    @Test(arguments: [
        ("true", true), ("!true", false), ("key.policy == \"free\" && request.model.startsWith(\"claude-opus\")", true),
        ("key.policy in [\"paid\", \"team\"]", false), ("request.input_tokens > 180000", true), ("request.stream", true),
        ("request.max_tokens == 0 && !has(request.max_tokens)", true), ("has(request.id) && has(key.tags.env)", true),
        ("has(request.headers.nothing)", false), ("request.headers[\"x-team\"] == 'red'", true),
        ("'x-team' in request.headers", true), ("request.headers.exists(h, h.startsWith('x-'))", true),
        ("request.metadata.user_id == 'u1'", true), ("key.tags.env == 'prod' ? request.has_tools : false", true),
        ("request.headers[?'x-absent'].orValue('none') == 'none'", true), ("key.spend_today >= 4.5", true),
        ("key.spend_today > 4", true), ("cidr('10.0.0.0/8').containsIP(client.ip)", true),
        ("cidr('192.168.0.0/16').containsIP(client.ip)", false), ("now.getHours() == 15", true),
        ("now.getHours('Asia/Singapore') == 23", true), ("now.getHours('+09:30') == 0", true),
        ("now.getDayOfWeek() == 3 && now.getFullYear() == 2026", true), ("now > timestamp('2026-01-01T00:00:00Z')", true),
        ("quota('antigravity', 'claude') < 0.5", true), ("quota('other', request.model) == -1.0", true),
        ("quota_runs_out('antigravity', 'claude') == now + duration('30m')", true),
        ("quota_runs_out('antigravity', 'claude') < now + duration('29m')", false),
        ("quota_runs_out('other', request.model) == timestamp('9999-12-31T23:59:59Z')", true),
        ("healthy('up') && !healthy('down')", true), ("request.model.matches('^claude-(opus|sonnet)-[0-9]')", true),
        ("request.model.split('-')[1] == 'opus'", true), ("request.headers['user-agent'].lowerAscii().contains('cli/2')", true),
        ("cel.bind(m, request.model, m.size() > 3 && m.endsWith('6'))", true), ("1.0 / 0.0 > 5.0", true),
        ("request.headers.missing == 'x' || key.id == 'k1'", true), ("key.id == 'k2' && request.headers.missing == 'x'", false),
    ])
    func evaluates(_ source: String, _ expected: Bool) throws {
        let condition = try Condition(source)
        #expect(condition.evaluate(sampleFacts()) == (expected ? .true : .false))
    }

    @Test(arguments: [
        ("request.headers.missing == 'x'", "no such key: missing"), ("1 / request.max_tokens == 1", "division by zero"),
        ("request.size * 9223372036854775807 > 0", "the result is out of range"),
        ("now.getHours('Mars/Olympus') == 1", "time zone 'Mars/Olympus' is not known"),
        ("request.stream ? dyn(request.model) : true", "the value must be true or false, not string"),
        ("[dyn(request.model)][request.max_tokens] + dyn(1) == 'x'", "no such overload: string + int"),
        ("request.model.matches(request.headers['x-team'] + '(')", "this is no regular expression: a ')' is missing"),
    ])
    func failsWithoutMatching(_ source: String, _ message: String) throws {
        #expect(try Condition(source).evaluate(sampleFacts()) == .failed(message))
    }

    @Test(arguments: [
        ("key.plicy == 'x'", 0, 9, "'key.plicy' is not known; key has id, name, policy, tags, … (did you mean 'policy'?)"),
        ("true && kye.id == 'x'", 8, 3, "'kye' is not known; there are client, key, now, request (did you mean 'key'?)"),
        ("request.model", 0, 13, "'when' must be true or false, this is a string"),
        ("request.size", 0, 12, "'when' must be true or false, this is an int"),
        ("1 + 'a' == 2", 0, 7, "no such overload: int + string"),
        ("request == null", 0, 7, "'request' is no value by itself; name a field, such as request.model"),
        ("request.model.startWith('x')", 0, 28, "'startWith' is no function (did you mean 'startsWith'?)"),
        ("request.model.startsWith(1)", 0, 27, "no such overload: string.startsWith(int)"),
        ("request.stream && request.model", 18, 13, "'&&' wants true or false, this is a string"),
        ("request.model.foo == 1", 0, 17, "a string has no field 'foo'"),
        ("quota('a') > 0.5", 0, 10, "no such overload: quota(string)"),
        ("quota_runs_out('a') > now", 0, 19, "no such overload: quota_runs_out(string)"),
        ("key.policy = 'x'", 11, 1, "'=' is no part of an expression (equality is '==')"),
        ("", 0, 1, "the expression is empty"), ("(true", 5, 1, "')' is expected, not the end"),
        ("true true", 5, 4, "'true' is not expected here"), ("'é' == 'x", 8, 2, "this string is not closed"),
        ("1 / 0 == 1", 0, 5, "this always fails: division by zero"),
        (
            "cidr('10.0.0.0/99').containsIP(client.ip)", 0, 19,
            "this always fails: \"10.0.0.0/99\" is no network; write \"10.0.0.0/8\""
        ),
        ("request.model.matches('(')", 22, 3, "this is no regular expression: a ')' is missing"),
        ("request.model.matches('(a)\\\\1')", 22, 8, "this is no regular expression: back references are not possible"),
        ("{'a': 1, 'a': 2} == {}", 0, 16, "a key is there twice"),
        ("[1].all(x, x)", 11, 1, "all() wants true or false here, this is an int"),
        ("9223372036854775808 > 1", 0, 19, "this number is too large for an int"),
        ("1 < 'a'", 0, 7, "no such overload: int < string"),
        ("has(request)", 0, 12, "has() wants one field, as in has(request.metadata.team)"),
        ("request.size / (1 - 1) > 1", 0, 22, "this always fails: division by zero"),
        ("request.stream && request.size % 0 == 1", 18, 16, "this always fails: division by zero"),
        ("key.id == '' || [1, 2][5] == 1", 16, 9, "this always fails: index out of range: 5"),
        ("request.model.split('-')[-1] == 'x'", 0, 28, "this always fails: index out of range: -1"),
        ("{'a': 1}['b'] == 1", 0, 13, "this always fails: no such key: b"),
        ("{'a': 1}.b == 1", 0, 10, "this always fails: no such key: b"),
        ("[1, 2].map(x, x * 2)[7] == 1", 0, 23, "this always fails: index out of range: 7"),
        ("cel.bind(x, [1], x[3] == 3)", 0, 27, "this always fails: index out of range: 3"),
        ("'abc'.charAt(-1) == 'x'", 0, 16, "this always fails: index out of range: -1"),
        ("request.model.charAt(-1) == 'x'", 0, 24, "this always fails: index out of range: -1"),
        ("request.model.substring(3, 1) == 'x'", 0, 29, "this always fails: index out of range: 3…1"),
        ("dyn(1) && request.stream", 0, 6, "'&&' wants true or false, this is an int"),
        ("dyn(request.model)", 0, 18, "'when' must be true or false, this is a string"),
        ("dyn(request.size) ? true : false", 0, 17, "'?' wants true or false before it, this is an int"),
        ("dyn(request.model) + dyn(1) == 'x'", 0, 27, "this always fails: no such overload: string + int"),
        ("dyn(request.size).startsWith('c')", 0, 33, "this always fails: no such overload: int.startsWith(string)"),
        ("dyn(request.model).foo == 1", 0, 22, "a string has no field 'foo'"),
        (
            "request.headers['X-Team'] == 'red'", 0, 25,
            "this always fails: the names in request.headers are in lower case, so that 'X-Team' is none of them"
        ),
    ])
    func refusesWithPlaceAndReason(_ source: String, _ offset: Int, _ length: Int, _ message: String) {
        #expect(throws: Condition.Problem(offset: offset, length: length, message: message)) { try Condition(source) }
    }

    @Test func everyTermThatIsWrongIsTold() throws {
        let problem = try #require(throws: Condition.Problem.self) {
            try Condition("key.plicy == 'a' && (request.stream || request.sise > 5) && 1")
        }
        #expect([problem.offset] + problem.further.map(\.offset) == [0, 39, 60])
    }

    @Test(arguments: [
        ("true || request.stream", true), ("request.stream || 1 < 2 && !false", true), ("!('X-Team' in request.headers)", true),
        ("[1, 2].exists(x, [3, 4][x] == 4)", true), ("{'a': 1}[?'b'].orValue(3) == 3", true),
        ("false && request.stream", false), ("'X-Team' in request.headers", false), ("has(request.headers.Team)", false),
        ("[1, 2].exists(x, [3].exists(y, y == x))", false), ("dyn(1) == 'a'", false),
    ])
    func whatNoRequestChangesIsKnownBefore(_ source: String, _ holds: Bool) throws {
        let condition = try Condition(source)
        #expect(condition.isAlwaysTrue == holds && condition.isAlwaysFalse != holds)
        #expect(condition.evaluate(sampleFacts()) == (holds ? .true : .false))
    }

    @Test(arguments: [
        "dyn(true) && request.stream", "dyn(request.size) == 'x'", "dyn(request.size) < 1.5", "dyn(request.headers).x == 'y'",
        "dyn(request.model).startsWith('c')", "[1, 2].exists(x, request.size == x)", "request.stream ? dyn(1) : dyn('a')",
        "request.headers['x-team'] == 'X-Team'", "request.size / 2 > 0", "request.model.substring(1, 3) == 'la'",
    ])
    func whatARequestDecidesIsNot(_ source: String) throws {
        let condition = try Condition(source)
        #expect(!condition.isAlwaysTrue && !condition.isAlwaysFalse)
    }

    @Test(
        arguments: [
            ("true", []), ("request.model == 'x'", .model), ("request.path == 'x' && request.stream", [.line, .parameters]),
            ("has(request.headers.a) || request.thinking", [.headers, .body]), ("key.tags.a == 'b'", .key),
            ("key.spend_today > 1.0 && client.ip == ''", [.usage, .client]),
            ("now.getHours() > 3 && healthy('a')", [.time, .health]),
            ("quota_runs_out('a', request.model) < now", [.quota, .model, .time]),
            ("quota('a', request.metadata.b) > 0.1", [.quota, .metadata]), ("[1].exists(k, key.id == 'x')", .key),
        ] as [(String, FactSet)])
    func tellsWhatItReads(_ source: String, _ expected: FactSet) throws {
        #expect(try Condition(source).reads == expected)
    }

    @Test func aTimeZoneThatIsNotKnownIsRefusedWhereThereIsData() throws {
        let zones = sampleFacts().utcOffset
        #expect(throws: Condition.Problem(offset: 0, length: 27, message: "time zone 'Mars/Olympus' is not known")) {
            try Condition("now.getDate('Mars/Olympus') == 1", utcOffset: zones)
        }
        #expect(throws: Condition.Problem.self) { try Condition("now.getHours('+99:00') == 1") }
        #expect(try Condition("now.getDate('Asia/Singapore') == 11", utcOffset: zones).evaluate(sampleFacts()) == .true)
    }

    @Test func anIPv4ClientOfASocketOfBothFamiliesIsInItsNetwork() throws {
        var facts = sampleFacts()
        facts.clientIP = "::ffff:10.1.2.3"
        #expect(try Condition("cidr('10.0.0.0/8').containsIP(client.ip)").evaluate(facts) == .true)
    }

    @Test func whatTakesTooManyStepsFailsAndNothingAbsorbsIt() throws {
        let digits = "[0,1,2,3,4,5,6,7,8,9]"
        let deep =
            "\(digits).all(a, \(digits).all(b, \(digits).all(c, \(digits).all(d, \(digits).all(e, size(request.model) > a - a)))))"
        #expect(
            try Condition(deep + " || request.stream").evaluate(sampleFacts())
                == .failed("the expression takes more steps than it may"))
        var facts = sampleFacts()
        facts.request.headers["long"] = String(repeating: "a", count: 200_000)
        let backtracking = try Condition("request.headers.long.matches('(a*)*(a*)*(a*)*b')")
        #expect(backtracking.evaluate(facts) == .failed("the expression takes more steps than it may"))
    }

    @Test func comparingWhatHoldsItselfManyTimesOverIsBounded() throws {
        let body = (1...40).reversed().reduce("a40 == a40") { body, level in
            "cel.bind(a\(level), [a\(level - 1), a\(level - 1)], \(body))"
        }
        let condition = try Condition("cel.bind(a0, [key.id], \(body))")
        #expect(condition.evaluate(sampleFacts()) == .failed("the expression takes more steps than it may"))
    }

    @Test func lengthAndDepthAreBounded() {
        let tooLong = "true" + String(repeating: " ", count: 16 * 1_024)
        let brackets = String(repeating: "(", count: 2_000) + "true" + String(repeating: ")", count: 2_000)
        let lists = String(repeating: "[", count: 7_000)
        let sums = "1" + String(repeating: "+1", count: 7_000) + " > 0"
        let members = "request" + String(repeating: ".a", count: 7_000)
        let nots = String(repeating: "!", count: 15_000) + "true"
        let ternaries = String(repeating: "true ? true : ", count: 1_000) + "true"
        for source in [tooLong, brackets, lists, sums, members, nots, ternaries] {
            #expect(throws: Condition.Problem.self) { try Condition(source) }
        }
        let wide = Array(repeating: "key.id != 'x'", count: 800).joined(separator: " && ")
        #expect((try? Condition(wide))?.evaluate(sampleFacts()) == .true)
    }
}
