import Testing

@testable import ProxyCore

@Suite struct ModelPageTests {
    private func page(_ text: String) -> ModelPage? { ModelPage(Array(text.utf8)) }

    @Test(
        arguments: [
            (#"{"object":"list","data":[{"id":"gpt-5"},{"id":"a/b"}]}"#, ["gpt-5", "a/b"]),
            (#"{"data":[{"type":"model","id":"claude-x","display_name":"X"}],"has_more":false}"#, ["claude-x"]),
            (
                #"{"models":[{"name":"models/gemini-x","supportedGenerationMethods":["generateContent"]},{"name":"models/aqa","supportedGenerationMethods":["generateAnswer"]}]}"#,
                ["gemini-x"]
            ),
            (#"[{"id":"m"},{"id":""},{"id":"*"},7]"#, ["m"]),
        ])
    func everyShapeIsRead(_ text: String, _ expected: [String]) {
        #expect(page(text)?.models.map(\.id) == expected)
    }

    @Test func limitsAndPricesAreRead() {
        let model = page(
            #"{"data":[{"id":"a/b","name":"B","context_length":200000,"top_provider":{"max_completion_tokens":64000},"architecture":{"input_modalities":["text","image"]},"pricing":{"prompt":"0.000003","completion":"0.000015"}}]}"#
        )?.models.first
        #expect(model?.displayName == "B")
        #expect(model?.context == 200_000)
        #expect(model?.maxOutput == 64_000)
        #expect(model?.inputModalities == ["text", "image"])
        #expect(model?.price?.input == 3_000_000_000)
        #expect(model?.price?.output == 15_000_000_000)
    }

    @Test func pagesGoOn() {
        #expect(page(#"{"data":[{"id":"a"}],"has_more":true,"last_id":"a"}"#)?.next?.value == "a")
        #expect(page(#"{"models":[],"nextPageToken":"t"}"#)?.next?.name == "pageToken")
        #expect(page("{}") == nil)
        #expect(page("nonsense") == nil)
    }
}
