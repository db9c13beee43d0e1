import Dialects
import ProxyCore

/// How Codex reads a list of models: its `ModelInfo`, every member that it wants (openai/codex, `protocol/src/openai_models.rs`).
enum CodexModel {
    private static let instructions = """
        You are a coding agent in a terminal, working with the user in their repository. Look before you change, use the tools you \
        are given, keep changes small and in the style of the code around them, check your work, and say briefly what you did.
        """

    private static let efforts: [(String, String)] = [
        ("low", "Quick, with little reasoning"), ("medium", "Balances speed and depth"), ("high", "Reasons at length"),
    ]

    static func entry(_ model: ModelCatalog.Entry, priority: Int) -> JSONValue {
        let inputs = (model.details?.inputModalities ?? []).filter { $0 == "text" || $0 == "image" }
        return [
            "slug": .string(model.id), "display_name": .string(model.displayName ?? model.id), "description": .null,
            "default_reasoning_level": "medium",
            "supported_reasoning_levels": .array(
                efforts.map { ["effort": .string($0.0), "description": .string($0.1)] }),
            "shell_type": "shell_command", "visibility": "list", "supported_in_api": true, "priority": .int(priority),
            "upgrade": .null, "base_instructions": .string(instructions), "supports_reasoning_summaries": false,
            "support_verbosity": false, "default_verbosity": .null, "apply_patch_tool_type": .null,
            "truncation_policy": ["mode": "bytes", "limit": 10000], "supports_parallel_tool_calls": true,
            "context_window": .count(model.details?.context), "experimental_supported_tools": [],
            "input_modalities": .strings(inputs.isEmpty ? ["text", "image"] : inputs),
        ]
    }
}
