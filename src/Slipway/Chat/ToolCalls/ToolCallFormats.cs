namespace Slipway.Chat;

/// <summary>Lists the tool-call formats that are understood: one row a format.</summary>
internal static class ToolCallFormats
{
    private static readonly JsonCallKeys Cohere = new("tool_name", "parameters");

    private static readonly ParameterTags Qwen =
        new("<function=", ">", "</function>", "<parameter=", "</parameter>") { Margin = "\n" };

    private static readonly ParameterTags Dsml = new(
        "<｜DSML｜invoke name=\"", "\">", "</｜DSML｜invoke>", "<｜DSML｜parameter name=\"", "</｜DSML｜parameter>")
    {
        KeyEnd = isText => isText ? "\" string=\"true\">" : "\" string=\"false\">",
        IsList = true,
    };

    private static readonly NamedCallTags DeepSeek =
        new("<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>");

    /// <summary>The format that describes itself in a prompt of our own, for models that were taught none.</summary>
    public static ToolCallFormat Fallback { get; } =
        new TaggedJsonToolCalls("hermes", "<tool_call>", "</tool_call>") { Margin = "\n" };

    // Where only a prompt's words tell, the first row in it wins: a special case stands before what it resembles.
    public static IReadOnlyList<ToolCallFormat> All { get; } =
    [
        new TaggedParameterToolCalls("function-tag", "<tool_call>", "</tool_call>", Qwen), // Qwen 3 Coder, Nemotron 3
        new TaggedParameterToolCalls("seed", "<seed:tool_call>", "</seed:tool_call>", Qwen with { Margin = "" }),
        new TaggedParameterToolCalls(
            "minimax", "<minimax:tool_call>", "</minimax:tool_call>",
            new("<invoke name=\"", "\">", "</invoke>", "<parameter name=\"", "</parameter>")
            {
                KeyEnd = _ => "\">", IsList = true,
            }),
        new TaggedParameterToolCalls("dsml", "<｜DSML｜function_calls>", "</｜DSML｜function_calls>", Dsml), // V3.2
        new TaggedParameterToolCalls("dsml-tool-calls", "<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>", Dsml), // V4
        new KeyValueTagToolCalls(), // GLM 4.5 and later
        new NamedJsonToolCalls(
            "deepseek-r1", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", // and V3
            new("<｜tool▁call▁begin｜>function<｜tool▁sep｜>", "\n```json\n", "\n```<｜tool▁call▁end｜>")),
        new NamedJsonToolCalls("deepseek-v3.1", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", DeepSeek),
        new NamedJsonToolCalls(
            "kimi", "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>",
            new("<|tool_call_begin|>functions.", "<|tool_call_argument_begin|>", "<|tool_call_end|>")
            {
                IsNumbered = true,
            }),
        new NamedJsonToolCalls(
            "hunyuan", "<tool_calls>", "</tool_calls>",
            new("<tool_call>function<tool_sep>", "\n```json\n", "\n```</tool_call>")),
        new NamedJsonToolCalls(
            "mcp-tag", "<use_mcp_tool>", "</use_mcp_tool>", // MiroThinker
            new("<tool_name>", "</tool_name>\n<arguments>\n", "\n</arguments>\n")
            {
                Before = "\n<server_name>tool-python</server_name>\n",
            }),
        new NamedJsonToolCalls("functionary-3.1", "<function=", "</function>", new("", ">", "")),
        new FunctionaryToolCalls(),
        HarmonyToolCalls.Format, // gpt-oss
        new GemmaToolCalls("gemma-4", "<|tool_call>", "<tool_call|>", "<|\"|>"),
        new GemmaToolCalls("function-gemma", "<start_function_call>", "<end_function_call>", "<escape>"),
        new ApertusToolCalls(),
        new TaggedJsonToolCalls("cohere", "<|START_ACTION|>", "<|END_ACTION|>") // Command R7B, Command A
        {
            IsList = true,
            Keys = Cohere with { Before = "\"tool_call_id\": \"0\", " },
        },
        new TaggedJsonToolCalls("command-r", "Action:\n```json\n", "```")
        {
            IsList = true,
            Keys = Cohere,
            Others =
            [
                new TaggedJsonToolCalls("command-r", "Action: ```json\n", "```") { IsList = true, Keys = Cohere },
            ],
        },
        new PythonicToolCalls("lfm2", "<|tool_call_start|>[", "]<|tool_call_end|>"),
        new PythonicToolCalls("llama-4", "<|python_start|>[", "]<|python_end|>"),
        new TaggedJsonToolCalls("internlm", "<|action_start|><|plugin|>", "<|action_end|>")
        {
            Keys = new("name", "parameters"), Margin = "\n",
        },
        new TaggedJsonToolCalls("nemotron", "<TOOLCALL>", "</TOOLCALL>") { IsList = true },
        new TaggedJsonToolCalls("tool-calls-tag", "<tool_calls>", "</tool_calls>") { IsList = true }, // Jamba, Apriel
        new TaggedJsonToolCalls("pipe-tag", "<|tool_call|>", "<|/tool_call|>") // Phi 4 mini
        {
            IsList = true,
            Keys = JsonCallKeys.Usual with { Before = "\"type\": \"function\", \"function\": {", After = "}" },
        },
        new TaggedJsonToolCalls("granite", "<|tool_call|>", null) { IsList = true }, // Granite 3
        new TaggedJsonToolCalls("function-call-token", "<|function_call|>", null), // GigaChat 3.1
        new TaggedJsonToolCalls( // GigaChat 3
            "function-call-role", "<|message_sep|>\n\nfunction call<|role_sep|>\n", null),
        new MistralToolCalls(isList: false), // Mistral Small 3.2 and later
        new MistralToolCalls(isList: true),
        Fallback, // Hermes, Qwen 2.5, Qwen 3, SmolLM 3, Granite 4, ERNIE
        new TaggedJsonToolCalls("functools", "functools", null) { IsList = true }, // FireFunction
        new LlamaJsonToolCalls(), // Llama 3.1 to 3.3
        new PythonicToolCalls("pythonic", "[", "]"), // Llama 3.2
        new BareListToolCalls(), // xLAM, Hammer
    ];
}
