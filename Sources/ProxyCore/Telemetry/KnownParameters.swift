/// The parameters that metrics know by name: those that the formats have. What a client makes up beside them is `other`.
enum KnownParameters {
    /// The label's value for a parameter, by its path in the client's format; of a path that is open the open part is `other`.
    static func label(_ parameter: String) -> String {
        if names.contains(parameter) { return parameter }
        for prefix in prefixes where parameter.hasPrefix(prefix) {
            return names.contains(String(parameter.dropFirst(prefix.count))) ? parameter : prefix + ModelNames.other
        }
        return ModelNames.other
    }

    private static let prefixes = [
        "messages.content.", "messages.", "tools.", "input.", "generationConfig.", "contents.parts.", "contents.",
        "output_config.",
        "text.", "tool_choice.",
    ]

    private static let names: Set<String> = Set(
        """
        anthropic_version audio background cache_control cachedContent candidateCount citations codeExecution \
        code_execution_tool_result code_interpreter compaction computer_use_preview container containerUpload container_upload \
        content contents contents.parts context_management conversation custom diagnostics document effort fallbacks file file_id \
        file_search format frequencyPenalty frequency_penalty function function_call functions generate_summary generationConfig \
        googleMaps googleSearch googleSearchRetrieval image image_generation image_url include include_usage inference_geo \
        input_audio input_examples instructions item_reference labels local_shell logit_bias logprobs maxOutputTokens \
        max_completion_tokens max_output_tokens max_tokens max_tool_calls mcp mcp_servers mcp_tool_result mcp_tool_use \
        mediaResolution metadata min_p modalities moderation n name output_config output_format parallel_tool_calls prediction \
        prefill presencePenalty presence_penalty previous_response_id prompt prompt_cache_key prompt_cache_options \
        prompt_cache_retention reasoning reasoning_effort redacted_thinking refusal repetition_penalty response_format \
        responseJsonSchema responseLogprobs responseMimeType responseModalities responseSchema role routingConfig \
        safetySettings safety_identifier schema search_result seed server_tool_use serviceTier service_tier speechConfig speed \
        stop stopSequences stop_sequences store stream stream_options strict summary system systemInstruction task_budget \
        temperature text thinking thinkingConfig thoughtSignature toolConfig tool_choice disable_parallel_tool_use tool_result \
        tool_search tool_use tools topK topP top_k top_logprobs top_p truncation type unknown urlContext user verbosity video \
        web_fetch_tool_result web_search web_search_options web_search_preview web_search_tool_result
        """.split { $0 == " " || $0 == "\n" }.map(String.init))
}
