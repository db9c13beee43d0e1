extension Capabilities {
    /// Every name that `set` knows, for suggestions.
    public static let names = claudeNames + chatNames + geminiNames

    private static let claudeNames = [
        "claude.sampling", "claude.temp_xor_top_p", "claude.adaptive_thinking", "claude.budget_thinking",
        "claude.disabled_thinking", "claude.prefill", "claude.mid_system", "claude.structured", "claude.max_output",
        "claude.efforts", "claude.version", "claude.drop", "claude.fixed", "claude.thinking_off", "claude.unsigned_thinking",
        "claude.effort",
    ]

    private static let chatNames = [
        "oai.reasoning", "oai.developer_role", "oai.stream_usage", "oai.tool_content_parts", "oai.string_content_only",
        "oai.system_first", "oai.strict_alternation", "oai.empty_content", "oai.explicit_cache", "oai.top_k", "oai.max_stops",
        "oai.max_tokens_field", "oai.reasoning_echo", "oai.efforts", "oai.echo_always", "oai.verbosity", "oai.cache_key",
        "oai.service_tier", "oai.user", "oai.parallel_calls", "oai.strict_tools", "oai.images", "oai.files", "oai.audio",
        "oai.has_responses", "oai.think_tags", "oai.cache_marks", "oai.call_signatures", "oai.effort_with_tools", "oai.drop",
        "oai.rename", "oai.add", "oai.fixed", "oai.effort_field", "oai.effort_words", "oai.thinking_off", "oai.thinking_on",
        "oai.call_ids", "oai.tool_choice_any", "oai.json_schema",
    ]

    private static let geminiNames = [
        "gem.json_schema_tools", "gem.json_with_tools", "gem.minimal_thinking", "gem.signatures", "gem.multimodal_tool_result",
        "gem.fetches_urls", "gem.max_stops", "gem.max_thinking_budget", "gem.thinking",
    ]
}
