import Testing

@testable import Dialects

/// Servers that begin a block, or go on with it, before another one is over.
extension RealServerTests {
    /// `+0`: a call's block begins, `+t0`: a text's; `0…`: a piece of it; `-0`: it ends.
    private func blocks(_ steps: [String]) -> String {
        let events = steps.map { step -> JSONValue in
            let rest = step.dropFirst()
            switch step.first {
            case "+" where rest.first == "t":
                return [
                    "type": "content_block_start", "index": .number(String(rest.dropFirst())),
                    "content_block": ["type": "text", "text": ""],
                ]
            case "+":
                let call: JSONValue = ["type": "tool_use", "id": .string("c\(rest)"), "name": .string("f\(rest)"), "input": [:]]
                return ["type": "content_block_start", "index": .number(String(rest)), "content_block": call]
            case "-": return ["type": "content_block_stop", "index": .number(String(rest))]
            default:
                let isCall = steps.contains("+\(step.prefix(1))")
                let piece: JSONValue =
                    isCall
                    ? ["type": "input_json_delta", "partial_json": .string(String(rest))]
                    : ["type": "text_delta", "text": .string(String(rest))]
                return ["type": "content_block_delta", "index": .number(String(step.prefix(1))), "delta": piece]
            }
        }
        let start: JSONValue = [
            "type": "message_start", "message": ["id": "m", "model": "m", "usage": ["input_tokens": 1, "output_tokens": 1]],
        ]
        let end: JSONValue = ["type": "message_delta", "delta": ["stop_reason": "tool_use"], "usage": ["output_tokens": 2]]
        return ([start] + events + [end, ["type": "message_stop"]]).map { "data: \($0.text)\n\n" }.joined()
    }

    @Test(
        "blocks that an Anthropic server interleaves are each their own, ended or not",
        arguments: [
            (["+0", "+1", #"0{"x":"#, #"1{"x":"#, "01}", "12}", "-0", "-1"], ""),
            (["+0", #"0{"x":1}"#, "+1", "-0", #"1{"x":2}"#, "-1"], ""), (["+0", #"0{"x":1}"#, "+1", #"1{"x":2}"#], ""),
            (["+t2", "+0", "2a", #"0{"x":1}"#, "2b", "+1", #"1{"x":2}"#, "-2", "-0", "-1"], "ab"),
            (["+0", "+t2", "2a", "+1", #"1{"x":2}"#, "-1", "2b", "-2", #"0{"x":1}"#, "-0"], "ab"),
        ], Cut.allCases)
    func interleaved(_ sample: ([String], String), _ cut: Cut) throws {
        let read = try folded(blocks(sample.0), from: .anthropic, cut)
        #expect(read.calls.map { $0["id"] } == ["c0", "c1"] && read.calls.map { $0["input"] } == [["x": 1], ["x": 2]])
        #expect(read.text == sample.1)
    }

    @Test("thoughts that come while a call of a Chat stream is not whole come behind it", arguments: Cut.allCases)
    func thoughtsBetween(_ cut: Cut) throws {
        func call(_ index: Int, _ name: String?, _ arguments: String) -> JSONValue {
            let function: JSONValue =
                name.map { ["name": .string($0), "arguments": .string(arguments)] } ?? ["arguments": .string(arguments)]
            let place = JSONValue.number(String(index))
            return [
                "tool_calls": [
                    name == nil
                        ? ["index": place, "function": function]
                        : ["index": place, "id": .string("c\(index)"), "function": function]
                ]
            ]
        }
        let deltas: [JSONValue] = [
            call(0, "f", "{\"x\":"), ["reasoning_content": "hm"], call(1, "g", "{\"x\":"), ["content": "a"], call(0, nil, "1}"),
            call(1, nil, "2}"),
        ]
        for finish in ["tool_calls", "length"] as [JSONValue] {
            let read = try folded(chat(deltas, finish: finish), cut)
            #expect(read.calls.map { $0["input"] } == [["x": 1], ["x": 2]])
            #expect(read.thoughts == "hm" && read.text == "a")
        }
        let refused = try folded(chat([call(0, "f", "{\"x\":"), ["refusal": "no"], call(0, nil, "1}")]), cut)
        #expect(refused.calls.map { $0["input"] } == [["x": 1]])
    }

    @Test("words that come while a call of a Responses stream is not whole come behind it", arguments: [true, false])
    func wordsBetween(_ isEnded: Bool) throws {
        func item(_ place: Int, _ name: String, _ item: JSONValue) -> JSONValue {
            ["type": .string("response.output_item." + name), "output_index": .number(String(place)), "item": item]
        }
        func delta(_ place: Int, _ name: String, _ text: String) -> JSONValue {
            ["type": .string("response.\(name).delta"), "output_index": .number(String(place)), "delta": .string(text)]
        }
        let call: JSONValue = ["type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": ""]
        let whole: JSONValue = [
            "type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": "{\"x\":1}", "status": "completed",
        ]
        let message: JSONValue = ["type": "message", "id": "m", "content": []]
        let arguments = "function_call_arguments"
        let events = [
            item(0, "added", call), item(1, "added", message), delta(0, arguments, "{\"x\":"), delta(1, "output_text", "a"),
            delta(0, arguments, "1}"), delta(1, "output_text", "b"),
        ]
        let ends = isEnded ? [item(0, "done", whole), item(1, "done", message)] : []
        let end: JSONValue = ["type": "response.completed", "response": ["id": "r", "status": "completed", "output": []]]
        let read = try folded(responses(events + ends + [end]), from: .responses)
        #expect(read.calls.map { $0["input"] } == [["x": 1]] && read.text == "ab" && read.stop == "toolUse")
        // A call without arguments is over where its item is.
        let bare = try folded(
            responses([item(0, "added", call), item(0, "done", call), delta(1, "output_text", "a"), end]), from: .responses)
        #expect(bare.calls.map { $0["input"] } == [[:]] && bare.text == "a")
    }

    @Test("parts of a thought are told apart, whatever tells of them")
    func summaryParts() throws {
        func event(_ kind: String, _ part: Int, _ text: String) -> JSONValue {
            [
                "type": .string("response.reasoning_summary_text." + kind), "output_index": 0,
                "summary_index": .number(String(part)),
                kind == "delta" ? "delta" : "text": .string(text),
            ]
        }
        let end: JSONValue = ["type": "response.completed", "response": ["id": "r", "status": "completed", "output": []]]
        let text: JSONValue = ["type": "response.output_text.delta", "output_index": 1, "delta": "x"]
        for events in [
            [event("delta", 0, "one"), event("done", 0, "one"), event("delta", 1, "two"), event("done", 1, "two")],
            [event("done", 0, "one"), event("done", 1, "two")], [event("delta", 0, "one"), event("done", 1, "two")],
        ] {
            #expect(try folded(responses(events + [text, end]), from: .responses).thoughts == "one\n\ntwo")
        }
    }
}
