namespace Slipway.Chat;

/// <summary>
/// Finds the texts that part an answer: those that open and close reasoning, open calls, or are markup.
/// </summary>
/// <remarks>Where several begin at one place the longest counts, so it is waited for while it can still come.</remarks>
internal sealed class AnswerTags
{
    private readonly AnswerTag[] _tags;
    private readonly string _first;

    private AnswerTags(IEnumerable<AnswerTag> tags)
    {
        _tags = [.. tags.OrderByDescending(tag => tag.Text.Length)];
        _first = string.Concat(_tags.Select(tag => tag.Text[0]).Distinct());
    }

    /// <summary>Tells whether none can come any more once an answer has begun.</summary>
    public bool IsOnlyAtStart => Array.TrueForAll(_tags, tag => tag.OnlyAtStart);

    /// <summary>The tags that count in ordinary text.</summary>
    public static AnswerTags InText(ReasoningFormat? reasoning, ToolCallFormat? tools)
        => new([
            .. reasoning is null
                ? [new(ReasoningFormats.Unnamed.Open, AnswerTagKind.Reasoning, null) { OnlyAtStart = true }]
                : (AnswerTag[])[new(reasoning.Open, AnswerTagKind.Reasoning, null), .. Markup(reasoning.Markup)],
            .. tools is null ? [] : Markup(tools.Markup),
            .. Calls(tools),
        ]);

    /// <summary>The tags that count inside reasoning.</summary>
    public static AnswerTags InReasoning(ReasoningFormat reasoning, ToolCallFormat? tools)
        => new([
            new(reasoning.Close, AnswerTagKind.Text, null),
            .. reasoning.EndsAtCall ? Calls(tools).Where(tag => !tag.OnlyAtStart) : [],
        ]);

    /// <summary>The next place where a tag may begin; -1 for none.</summary>
    public int IndexOfFirst(ReadOnlySpan<char> text) => text.IndexOfAny(_first);

    /// <summary>Finds the tag that a text begins with.</summary>
    /// <param name="text">The text.</param>
    /// <param name="isAtStart">Whether nothing but white space came before it in the answer.</param>
    /// <param name="mayGoOn">Whether a longer tag can still come.</param>
    public AnswerTag? Match(ReadOnlySpan<char> text, bool isAtStart, out bool mayGoOn)
    {
        mayGoOn = false;
        foreach (var tag in _tags)
        {
            if (tag.OnlyAtStart && !isAtStart)
            {
                continue;
            }

            if (text.StartsWith(tag.Text, StringComparison.Ordinal))
            {
                return tag;
            }

            mayGoOn |= text.Length < tag.Text.Length && tag.Text.AsSpan().StartsWith(text, StringComparison.Ordinal);
        }

        return null;
    }

    private static IEnumerable<AnswerTag> Markup(IEnumerable<string> texts)
        => texts.Select(text => new AnswerTag(text, AnswerTagKind.Markup, null));

    private static IEnumerable<AnswerTag> Calls(ToolCallFormat? tools)
        => tools is null ? [] : new[] { tools }.Concat(tools.OtherForms)
            .Select(form => new AnswerTag(form.Open, AnswerTagKind.Call, form) { OnlyAtStart = form.OnlyAtStart });
}

/// <summary>Kinds of what begins with a tag.</summary>
internal enum AnswerTagKind
{
    Text,
    Reasoning,
    Call,
    Markup,
}

/// <summary>One text that parts an answer.</summary>
/// <param name="Text">The tag.</param>
/// <param name="Kind">What begins with it.</param>
/// <param name="Form">The form of a call.</param>
internal sealed record AnswerTag(string Text, AnswerTagKind Kind, ToolCallFormat? Form)
{
    /// <summary>Tells whether it counts only where nothing but white space came before it.</summary>
    public bool OnlyAtStart { get; init; }
}
