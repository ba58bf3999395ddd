namespace Slipway.Chat;

/// <summary>Lists the reasoning formats that are understood: one row a format.</summary>
internal static class ReasoningFormats
{
    // A template's source tells; the first row that is in it wins, so a special case stands before what it resembles.
    public static IReadOnlyList<ReasoningFormat> All { get; } =
    [
        new("harmony", "<|channel|>analysis<|message|>", "<|end|>") // gpt-oss
        {
            Evidence = "<|channel|>analysis<|message|>",
            Ending = "<|end|><|start|>assistant<|channel|>final<|message|>",
            Markup =
            [
                "<|start|>assistant", "<|channel|>final<|message|>", "<|channel|>commentary<|message|>",
                "<|channel|>final <|constrain|>json<|message|>", "<|end|>", "<|return|>",
            ],
        },
        new("gemma-4", "<|channel>thought\n", "<channel|>") { Ending = "<channel|>" },
        new("cohere", "<|START_THINKING|>", "<|END_THINKING|>") // Command R7B, Command A
        {
            Ending = "<|END_THINKING|>",
            Markup = ["<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"],
        },
        new("apertus", "<|inner_prefix|>", "<|inner_suffix|>"),
        new("apriel", "Here are my reasoning steps:\n", "[BEGIN FINAL RESPONSE]") // Apriel 1.5 and 1.6
        {
            Markup = ["[END FINAL RESPONSE]", "<|end|>"],
            EndsAtCall = true,
        },
        new("seed-think", "<seed:think>", "</seed:think>"),
        new("think-brackets", "[THINK]", "[/THINK]"), // Magistral, Ministral
        new("granite", "<think>", "</think>") // Granite 3.3, ERNIE
        {
            Evidence = "<response>",
            Markup = ["<response>", "</response>"],
        },
        new("think", "<think>", "</think>"), // DeepSeek R1, Qwen 3, GLM, Kimi
        new("thinking", "<thinking>", "</thinking>"),
    ];

    /// <summary>
    /// The format of models whose template names none; it counts only at the start of an answer, and guides nothing.
    /// </summary>
    public static ReasoningFormat Unnamed { get; } = new("think", "<think>", "</think>");

    /// <summary>Finds the format that a chat template uses; null where it uses none.</summary>
    public static ReasoningFormat? For(string template) => All.FirstOrDefault(format => format.IsIn(template));
}
