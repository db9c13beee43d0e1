import RuleEngine
import Testing

@Suite("Bucket expressions")
struct BucketExpressionTests {
    static let facts: Facts = {
        var facts = Facts()
        facts.key.tags = ["team": "infra"]
        facts.key.name = "alice"
        facts.request.session = "s1"
        facts.request.model = "claude-opus-4-6"
        return facts
    }()

    @Test(
        "A text is a bucket; a tag that the key lacks is the empty one",
        arguments: [
            (#"key.tags["team"]"#, "infra"), ("key.tags.team", "infra"), (#"key.tags["other"]"#, ""), ("key.tags.other", ""),
            (#"key.tags[key.name]"#, ""), ("request.session", "s1"), ("request.agent", ""), (#""everybody""#, "everybody"),
            (#"has(key.tags.other) ? "x" : "y""#, "y"), (#""other" in key.tags ? "x" : "y""#, "y"),
            (#"key.tags.team + "/" + key.name"#, "infra/alice"), (#"string(size(key.tags))"#, "1"),
        ])
    func gives(source: String, text: String) throws {
        #expect(try BucketExpression(source).evaluate(Self.facts) == .text(text))
    }

    @Test(
        "What has no value for this request is told", arguments: [#"request.metadata["x"]"#, #"string(1 / size(request.agent))"#])
    func fails(source: String) throws {
        guard case .failed = try BucketExpression(source).evaluate(Self.facts) else {
            Issue.record("\(source) has a value")
            return
        }
    }

    @Test(
        "What gives no text, or asks what limits have left, is refused when it is read",
        arguments: ["1 + 1", "true", "key.tags", #"string(limit("x"))"#, "1 / 0", "request.nothing", "key.tags["])
    func refuses(source: String) {
        #expect(throws: Condition.Problem.self) { try BucketExpression(source) }
    }

    @Test(
        "What is the empty text whatever the request is told apart",
        arguments: [
            ("\"\"", true), ("false ? \"all\" : \"\"", true), ("\"all\"", false), ("request.agent", false),
            ("key.tags.other", false),
        ])
    func isAlwaysEmpty(source: String, isEmpty: Bool) throws {
        #expect(try BucketExpression(source).isAlwaysEmpty == isEmpty)
    }

    @Test("A time zone that is not known is refused where there is data")
    func refusesUnknownZones() throws {
        let known: TimeZoneOffset = { zone, _ in zone == "Asia/Singapore" ? 8 * 3600 : nil }
        for (zone, isKnown) in [("Asia/Singapur", false), ("Asia/Singapore", true), ("+08:00", true)] {
            let per = #"string(now.getHours("\#(zone)"))"#
            let when = #"now.getHours("\#(zone)") > 5"#
            #expect(((try? BucketExpression(per, utcOffset: known)) != nil) == isKnown)
            #expect(((try? Condition(ofLimit: when, utcOffset: known)) != nil) == isKnown)
        }
        #expect((try? BucketExpression(#"string(now.getHours("Asia/Singapur"))"#)) != nil)
    }

    @Test(
        "People read what buckets are of",
        arguments: [
            (#"key.tags["team"]"#, "team"), ("key.tags.team", "team"), ("request.session", "session"), ("key.name", "key"),
            ("key.id", "key"), (#""everybody""#, "bucket"), (#"key.tags.a + key.tags.b"#, "bucket"),
        ])
    func nouns(source: String, noun: String) throws {
        #expect(try BucketExpression(source).noun == noun)
    }

    @Test("A limit's condition is lenient with tags, a rule's is not; both ask for limits")
    func conditions() throws {
        #expect(try Condition(ofLimit: #"key.tags["x"] == """#).evaluate(Self.facts) == .true)
        guard case .failed = try Condition(#"key.tags["x"] == """#).evaluate(Self.facts) else {
            Issue.record("a rule reads a tag that is not there")
            return
        }
        #expect(try Condition(ofLimit: #"limit("x") < 0.5"#).reads == .limits)
        var facts = Self.facts
        facts.limit = { $0 == "team budget" ? 0.25 : 1 }
        let condition = try Condition(#"limit("team budget") < 0.5"#)
        #expect(condition.reads == .limits)
        #expect(condition.evaluate(facts) == .true)
    }
}
