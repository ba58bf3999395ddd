namespace Slipway.Chat;

/// <summary>Lists the tool-call formats that are understood: one row a format.</summary>
internal static class ToolCallFormats
{
    // The first row that a template contains wins, so a special case stands before the case it resembles.
    public static IReadOnlyList<ToolCallFormat> All { get; } =
    [
        new FunctionTagToolCalls(), // Qwen 3 Coder, Qwen 3.5
        new KeyValueTagToolCalls(), // GLM 4.5 and later
        new TaggedJsonToolCalls(
            "hermes", "<tool_call>", "</tool_call>", list: false), // Hermes, Qwen 2.5, Qwen 3, SmolLM 3
        new TaggedJsonToolCalls("tool-calls-tag", "<tool_calls>", "</tool_calls>", list: true), // Jamba
        new TaggedJsonToolCalls("pipe-tag", "<|tool_call|>", "<|/tool_call|>", list: true), // Phi 4 mini
        new MistralToolCalls(),
        new LlamaJsonToolCalls(), // Llama 3.1 to 3.3
    ];

    /// <summary>Finds the format that a chat template teaches; null where it teaches none.</summary>
    public static ToolCallFormat? For(string template) => All.FirstOrDefault(format => format.IsIn(template));
}
