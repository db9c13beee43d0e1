import Foundation
import ProxyCore
import Testing

@testable import Admin

@Suite struct ImportTests {
    private func read(_ keys: String) throws -> PredecessorKeys {
        try PredecessorKeys(Array(#"{"keys":\#(keys)}"#.utf8), now: 1_770_000_000)
    }

    private func key(_ usage: String) throws -> ImportedKey {
        try #require(try read(#"{"sk-x":{"name":"x","enabled":true,"usage":\#(usage)}}"#).keys.first)
    }

    /// What the rows of a day, or of all of it, add up to: by model, tokens and requests.
    private func sums(_ key: ImportedKey, _ isMeant: (ImportedKey.When) -> Bool = { _ in true }) -> [String: [Int]] {
        var sums: [String: [Int]] = [:]
        for row in key.rows where isMeant(row.when) {
            let old = sums[row.model] ?? [0, 0, 0]
            sums[row.model] = [old[0] + row.amounts.input, old[1] + row.amounts.output, old[2] + row.amounts.requests]
        }
        return sums
    }

    private func isOn(_ day: String) -> (ImportedKey.When) -> Bool {
        { when in
            switch when {
            case .hour(let date, _), .day(let date): date.description == day
            case .ever: false
            }
        }
    }

    private func total(_ sums: [String: [Int]]) -> [Int] {
        sums.values.reduce([0, 0, 0]) { [$0[0] + $1[0], $0[1] + $1[1], $0[2] + $1[2]] }
    }

    @Test("A key is taken as it is, in every way it is written")
    func keys() throws {
        let taken = try read(
            """
            {"sk-a":{"name":"a","enabled":1,"created":"2026-01-15T09:30:12.345678+08:00"},
             "sk-b":{"name":"b","enabled":0,"created":"2026-01-15T09:30:12"},
             "sk-c":{"name":"c","enabled":false,"created":null},"sk-d":{"name":"d"},"any text at all":{},"sk-e":7}
            """)
        #expect(taken.keys.map(\.name) == ["a", "b", "c", "d", "imported"])
        #expect(taken.keys.map(\.enabled) == [true, false, false, true, true])
        #expect(taken.keys.map(\.created) == [1_768_440_612, 1_768_440_612, 1_770_000_000, 1_770_000_000, 1_770_000_000])
        let texts = ["sk-a", "sk-b", "sk-c", "sk-d", "any text at all"]
        #expect(taken.keys.map(\.digest) == texts.map { KeyDigest(hashing: $0) })
        #expect(taken.notes.count == 1)
        #expect(try read(#"{"sk-a":{"name":"sk-b"},"sk-b":{"name":"sk-b"}}"#).keys.map(\.name) == ["imported", "imported"])
        #expect(throws: ImportFailure.self) { _ = try PredecessorKeys(Array("[]".utf8), now: 0) }
        #expect(throws: ImportFailure.self) { _ = try PredecessorKeys(Array("{".utf8), now: 0) }
    }

    @Test("A byte order mark before a file is no part of it")
    func byteOrderMark() throws {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        #expect(try PredecessorKeys(mark + Array(#"{"keys":{"sk-a":{"name":"a"}}}"#.utf8), now: 0).keys.map(\.name) == ["a"])
        #expect(try PredecessorFallback(mark + Array(Self.fallback.utf8)).tiers.count == 3)
        let environment = String(decoding: mark, as: UTF8.self) + "UPSTREAM_TYPE=openai\nOPENAI_API_KEYS=sk-1\n"
        #expect(try PredecessorEnvironment(environment).keys.map { $0.reveal() } == ["sk-1"])
        #expect(throws: ImportFailure.self) { _ = try PredecessorKeys(mark + mark + Array("{}".utf8), now: 0) }
    }

    @Test("Days, models and hours add up to what the file says, to the token")
    func usage() throws {
        let key = try key(
            """
            {"total_input":1000,"total_output":301,"total_requests":10,"last_used":"2026-02-11T14:55:01.000123+08:00",
             "daily":{"2026-02-10":{"input":600,"output":201,"requests":6,
                                    "by_model":{"m1":{"total":500,"requests":4},"m2":{"total":301,"requests":2}}},
                      "2026-02-11":{"input":300,"output":99,"requests":3,"by_model":{"m1":{"total":398,"requests":2}}}},
             "hourly":{"2026-02-10 13:00":{"by_model":{"m1":{"total":499,"requests":3}}},
                       "2026-02-10 14:00":{"by_model":{"m1":{"total":1,"requests":1},"m2":{"total":7,"requests":1}}}},
             "total_by_model":{"m1":{"total":898,"requests":6},"m2":{"total":301,"requests":2},"m3":{"total":100,"requests":1}}}
            """)
        #expect(key.lastUsed == 1_770_792_901)
        #expect(key.totals == ImportedKey.Amounts(requests: 10, input: 1000, output: 301))
        let first = sums(key, isOn("2026-02-10"))
        #expect(total(first) == [600, 201, 6])
        #expect(first.mapValues { [$0[0] + $0[1], $0[2]] } == ["m1": [500, 4], "m2": [301, 2]])
        let second = sums(key, isOn("2026-02-11"))
        #expect(total(second) == [300, 99, 3])
        #expect(second.mapValues { [$0[0] + $0[1], $0[2]] } == ["m1": [398, 2], "": [1, 1]])
        let all = sums(key).filter { !$0.key.isEmpty }.mapValues { [$0[0] + $0[1], $0[2]] }
        #expect(all == ["m1": [898, 6], "m2": [301, 2], "m3": [100, 1]])
        let hours = key.rows.compactMap { row -> String? in
            guard case .hour(let date, let hour) = row.when else { return nil }
            return "\(date) \(hour) \(row.model) \(row.amounts.input + row.amounts.output) \(row.amounts.requests)"
        }
        #expect(hours.sorted() == ["2026-02-10 13 m1 499 3", "2026-02-10 14 m1 1 1", "2026-02-10 14 m2 7 1"])
        #expect(key.rows.allSatisfy { $0.amounts.input >= 0 && $0.amounts.output >= 0 && $0.amounts.requests >= 0 })
    }

    @Test("Figures that are split are taken so, and what is missing is nothing")
    func oldShapes() throws {
        let split = try key(
            """
            {"total_input":500,"total_output":100,"total_requests":3,"last_used":null,
             "daily":{"2026-02-02":{"input":300,"output":60,"requests":2},
                      "2026-02-03":{"input":200,"output":40,"requests":1,"by_model":{"k":{"input":200,"output":40,"requests":1}}}},
             "total_by_model":{"k":{"input":200,"output":40,"requests":1}}}
            """)
        #expect(split.lastUsed == nil)
        #expect(sums(split) == ["": [300, 60, 2], "k": [200, 40, 1]])
        #expect(try key("{}").rows.isEmpty)
        let dayless = try key(#"{"total_input":10,"total_output":5,"total_requests":1,"daily":{}}"#)
        #expect(dayless.totals.input == 10)
        #expect(sums(dayless) == ["": [10, 5, 1]])
        let hoursAlone = try key(#"{"hourly":{"2026-02-10 13:00":{"by_model":{"m":{"total":5,"requests":1}}}}}"#)
        #expect(sums(hoursAlone, isOn("2026-02-10")) == ["m": [5, 0, 1]])
    }

    @Test("Figures that contradict one another trap nowhere, and are told")
    func contradictions() throws {
        let text =
            #"{"sk":{"name":"x","usage":{"total_input":-5,"total_output":1e300,"total_requests":"many","#
            + #""daily":{"2026-02-10":{"input":1,"output":1,"requests":0,"by_model":{"m":{"total":9223372036854775807,"requests":9}}},"#
            + #""2026-13-40":{},"x":7},"hourly":{"2026-02-10 13:00":{"by_model":{"m":{"total":99999999999999999999}}},"#
            + #""2026-02-10 99:00":{"by_model":{}},"nonsense":1},"total_by_model":{"m":{"total":3},"n":[]}}}}"#
        let taken = try read(text)
        for none in [
            "'2026-13-40' is no day", "'x' is no day", "'2026-02-10 99:00' is no hour", "'nonsense' is no hour",
            "its usage: 'total_input' is no count", "its usage: 'total_requests' is no count", "total_by_model, n has no figures",
        ] {
            #expect(taken.notes.contains { $0.contains(none) }, "\(none)")
        }
        #expect(taken.keys[0].rows.allSatisfy { $0.amounts.input >= 0 && $0.amounts.output >= 0 && $0.amounts.requests >= 0 })
    }

    @Test("A figure that is written as a text is read; what is none is told by its place")
    func texts() throws {
        let key = try key(
            #"{"total_input":"1000","total_output":"1e2","total_requests":"3","daily":{"2026-02-10":{"input":"1000","output":"100","#
                + #""requests":"3","by_model":{"m":{"total":"1100","requests":"3"}}}}}"#)
        #expect(key.totals == ImportedKey.Amounts(requests: 3, input: 1_000, output: 100))
        #expect(sums(key) == ["m": [1_000, 100, 3]])
        let taken = try read(
            #"{"sk-a":{"name":"a","created":"once","usage":{"daily":{"2026-02-10":{"input":"12k","output":null,"requests":true,"#
                + #""by_model":{"m":{"total":-1}}}},"hourly":[]}},"sk-b":{"name":"b","usage":7},"#
                + #""sk-c":{"name":"c","usage":{"last_used":"once"}}}"#)
        #expect(
            taken.notes == [
                "a: 2026-02-10: 'input' is no count, and counts as 0", "a: 2026-02-10: 'requests' is no count, and counts as 0",
                "a: 2026-02-10, m: 'total' is no count, and counts as 0", "a: 'hourly' is no object, and is left out",
                "a: 'created' is no time; it is the time of the import", "b: its usage is no object, and is left out",
                "c: 'last_used' is no time, and is left out",
            ])
    }

    @Test("Every split is exact, whatever the figures")
    func random() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let parts = (0..<3).map { _ in
                (
                    Int.random(in: 0...1_000, using: &generator), Int.random(in: 0...1_000, using: &generator),
                    Int.random(in: 0...9)
                )
            }
            let (input, output) = (parts.reduce(0) { $0 + $1.0 }, parts.reduce(0) { $0 + $1.1 })
            let requests = parts.reduce(0) { $0 + $1.2 }
            let models = parts.enumerated().map { #""m\#($0)":{"total":\#($1.0 + $1.1),"requests":\#($1.2)}"# }.joined(
                separator: ",")
            let hours = parts.enumerated().map { index, part in
                #""2026-02-10 0\#(index):00":{"by_model":{"m\#(index)":{"total":\#((part.0 + part.1) / 2),"requests":\#(part.2 / 2)}}}"#
            }.joined(separator: ",")
            let key = try key(
                #"{"daily":{"2026-02-10":{"input":\#(input),"output":\#(output),"requests":\#(requests),"by_model":{\#(models)}}},"#
                    + #""hourly":{\#(hours)}}"#)
            #expect(total(sums(key)) == [input, output, requests])
            for (index, part) in parts.enumerated() where part.0 + part.1 + part.2 > 0 {
                let sum = sums(key)["m\(index)"] ?? [0, 0, 0]
                #expect(sum[0] + sum[1] == part.0 + part.1)
                #expect(sum[2] == part.2)
            }
            #expect(key.rows.allSatisfy { $0.amounts.input >= 0 && $0.amounts.output >= 0 })
        }
    }

    @Test("Switches and numbers of the tiers are read as texts too; what is none is refused")
    func tiersAsTexts() throws {
        func read(_ more: String) throws -> PredecessorFallback { try PredecessorFallback(Array("{\(more)}".utf8)) }
        let taken = try read(
            #""enabled":"false","health_poll_interval_seconds":"45","min_remaining_fraction":"0.1","tiers":[{"model":"m","#
                + #""type":"External","base_url":"https://x.example/v1"}]"#)
        #expect(!taken.isEnabled && taken.pollSeconds == 45 && taken.threshold == 0.1)
        #expect(taken.tiers.first?.external?.url == "https://x.example/v1")
        let bare = try read(#""min_remaining_fraction":null"#)
        #expect(bare.isEnabled && bare.pollSeconds == 30 && bare.threshold == 0.05)
        for wrong in [#""min_remaining_fraction":"some""#, #""health_poll_interval_seconds":[]"#, #""tiers":{}"#] {
            #expect(throws: ImportFailure.self, "\(wrong)") { _ = try read(wrong) }
        }
    }

    @Test("What the second program's environment says twice, wrongly or not at all")
    func oddEnvironments() throws {
        let azure =
            "UPSTREAM_TYPE=Azure\nAZURE_ENDPOINT=https://res.openai.azure.example\nAZURE_API_KEYS=k1\n"
            + "AZURE_DEPLOYMENT_NAMES="
        func written(_ environment: String) throws -> String {
            try ImportedConfiguration(environment: try PredecessorEnvironment(environment)).yaml()
        }
        let twice = try written(azure + "gpt-4, gpt-4 ,gpt-35-turbo,gpt-3.5-turbo")
        #expect(try load(twice).configuration.upstreams.count == 1)
        for line in ["gpt-4: gpt-4", "gpt-35-turbo: gpt-35-turbo", "gpt-3.5-turbo: gpt-3.5-turbo"] {
            #expect(twice.components(separatedBy: "      \(line)\n").count == 2, "\(line)")
        }
        #expect(try written("UPSTREAM_TYPE=openai").contains("# Its environment names no key of the provider.\n  openai:"))
        #expect(throws: ImportFailure.self) { _ = try PredecessorEnvironment("UPSTREAM_TYPE=other\nOPENAI_API_KEYS=k1") }
    }

    // MARK: The configuration

    private static let fallback = """
        {"enabled":true,"health_poll_interval_seconds":30,"min_remaining_fraction":0.05,"tiers":[
          {"name":"Opus","model":"claude-opus-4-6","type":"antigravity","health_key":"claude-opus"},
          {"name":"Pro","model":"gemini-3-pro","type":"antigravity"},
          {"name":"Kimi $1","model":"kimi-k2.5","type":"external","base_url":"https://api.kimi.example/v1","api_key":"sk-$kimi\\"x"}]}
        """
    private static let azure = """
        # gateway
        UPSTREAM_TYPE=azure
        AZURE_ENDPOINT="https://res.openai.azure.example"
        AZURE_API_KEYS=one-key, two-key
        AZURE_DEPLOYMENT_NAMES=gpt-35-turbo,gpt-4
        """

    private func load(_ text: String, _ environment: [String: String] = [:]) throws -> Snapshot {
        let result = ConfigurationLoader.load(text: text, file: "proxy.yaml", environment: environment)
        return try #require(result.snapshot, "\(DiagnosticRenderer.text(result.errors))\n\(text)")
    }

    @Test("What is printed is a configuration, and goes where the predecessor went")
    func configuration() throws {
        let keys = try PredecessorKeys(Array(#"{"admin_key":"sk-admin-example2026","keys":{"a":{}}}"#.utf8), now: 0)
        let yaml = try ImportedConfiguration(
            keys: keys, fallback: try PredecessorFallback(Array(Self.fallback.utf8)),
            environment: try PredecessorEnvironment(Self.azure)
        ).yaml()
        let snapshot = try load(yaml)
        let configuration = snapshot.configuration
        #expect(configuration.admin?.keys.map { $0.key.reveal() } == ["sk-admin-example2026"])
        #expect(configuration.timeZone.name == "Asia/Singapore")
        #expect(configuration.fallback.threshold == 0.05)
        #expect(configuration.upstreams.map(\.name) == ["antigravity", "api-kimi-example", "azure"])
        #expect(configuration.upstreams[0].quota?.poll == "/health")
        #expect(configuration.upstreams[1].accounts.map { $0.key?.reveal() } == ["sk-$kimi\"x"])
        #expect(configuration.upstreams[2].accounts.map { $0.key?.reveal() } == ["one-key", "two-key"])
        #expect(configuration.upstreams[2].deployments["gpt-3.5-turbo"] == "gpt-35-turbo")
        let tiers = Dictionary(snapshot.routes.map { ($0.name, $0.tiers.map(\.text)) }) { first, _ in first }
        #expect(
            tiers["Opus"]
                == ["antigravity/claude-opus-4-6", "antigravity/gemini-3-pro", "api-kimi-example/kimi-k2.5"])
        #expect(
            tiers["Kimi $1"]
                == ["api-kimi-example/kimi-k2.5", "antigravity/claude-opus-4-6", "antigravity/gemini-3-pro"])
        #expect(tiers["azure"] == ["azure"])
        #expect(tiers["everything else"] == ["antigravity"])
        #expect(configuration.upstreams[0].quota?.models == ["claude-opus-4-6": "claude-opus"])
    }

    @Test("With a seal key no secret is written out")
    func sealed() throws {
        let key = Seal.makeKey()
        let yaml = try ImportedConfiguration(
            fallback: try PredecessorFallback(Array(Self.fallback.utf8)), environment: try PredecessorEnvironment(Self.azure),
            sealKey: Secret(key)
        ).yaml()
        for secret in ["sk-$kimi", "one-key", "two-key"] { #expect(!yaml.contains(secret)) }
        let configuration = try load(yaml, ["PROXYD_SEAL_KEY": key]).configuration
        #expect(configuration.upstreams[1].accounts.map { $0.key?.reveal() } == ["sk-$kimi\"x"])
    }

    @Test(
        "One provider alone is a configuration too",
        arguments: [azure, "UPSTREAM_TYPE=openai\nOPENAI_API_KEYS=sk-one,sk-two\n", "export OPENAI_API_KEY='sk-one'"])
    func environmentAlone(_ text: String) throws {
        let snapshot = try load(try ImportedConfiguration(environment: try PredecessorEnvironment(text)).yaml())
        #expect(snapshot.configuration.upstreams.count == 1)
        #expect(snapshot.routes.map(\.name) == ["everything"])
    }

    @Test(
        "A value of the environment goes without quotes and without what is said of it",
        arguments: [
            #""sk-1, sk-2" # c"#, "'sk-1,sk-2'#c", "sk-1,sk-2 # c", #""sk-1,sk-2""#, "sk-1,sk-2",
        ])
    func environmentComments(_ value: String) throws {
        let environment = try PredecessorEnvironment("OPENAI_API_KEYS=\(value)\n")
        #expect(environment.keys.map { $0.reveal() } == ["sk-1", "sk-2"])
    }

    @Test("A # within a word is no comment, and quotes that are not of the whole stay")
    func environmentSigns() throws {
        let environment = try PredecessorEnvironment("OPENAI_API_KEYS=sk#1,\"sk\"2\n")
        #expect(environment.keys.map { $0.reveal() } == ["sk#1", "\"sk\"2"])
    }

    @Test("A tier's name and its key of health that are empty are not said")
    func emptyNames() throws {
        let text = #"{"tiers":[{"name":"","model":"m","type":"antigravity","health_key":""}]}"#
        let fallback = try PredecessorFallback(Array(text.utf8))
        #expect(fallback.tiers.map(\.name) == ["m"] && fallback.tiers.allSatisfy { $0.healthKey == nil })
        _ = try load(
            try ImportedConfiguration(fallback: fallback, environment: try PredecessorEnvironment(Self.azure)).yaml())
    }

    @Test(
        "What cannot be taken over is told",
        arguments: [
            "[]", #"{"tiers":[{"name":"x"}]}"#, #"{"tiers":[{"model":"m","type":"external"}]}"#,
            #"{"tiers":[{"model":"m","type":"external","base_url":"nowhere"}]}"#,
        ])
    func badFallback(_ text: String) {
        #expect(throws: ImportFailure.self) { _ = try PredecessorFallback(Array(text.utf8)) }
    }
}
