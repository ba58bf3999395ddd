namespace Slipway.Chat;

/// <summary>Lists the reasoning formats that are understood: one row a format.</summary>
internal static class ReasoningFormats
{
    public static IReadOnlyList<ReasoningFormat> All { get; } =
    [
        new("think", "<think>", "</think>"),
        new("think-brackets", "[THINK]", "[/THINK]"),
        new("seed-think", "<seed:think>", "</seed:think>"),
    ];

    /// <summary>Finds the format that a chat template uses; null where it uses none.</summary>
    public static ReasoningFormat? For(string template) => All.FirstOrDefault(format => format.IsIn(template));
}
