namespace Slipway.Chat;

/// <summary>Describes how a family of models marks its reasoning.</summary>
/// <param name="Name">The row's name.</param>
/// <param name="Open">The text before the reasoning.</param>
/// <param name="Close">The text after it.</param>
internal sealed record ReasoningFormat(string Name, string Open, string Close)
{
    /// <summary>Texts around the answer itself, which are left out of it.</summary>
    public IReadOnlyList<string> Markup { get; init; } = [];

    /// <summary>The text that ends the reasoning and begins the answer, where something else has to end it.</summary>
    /// <value>The text after the reasoning, on a line of its own.</value>
    public string? Ending { get; init; }

    /// <summary>Tells whether models call tools out of their reasoning without closing it.</summary>
    public bool EndsAtCall { get; init; }

    /// <summary>The text in a chat template's source that tells this format from all others.</summary>
    /// <value>The text after the reasoning.</value>
    public string? Evidence { get; init; }

    /// <summary>The text that ends the reasoning and begins the answer.</summary>
    public string EndingText => Ending ?? $"\n{Close}\n\n";

    /// <summary>Tells whether the chat template of a model uses this format.</summary>
    public bool IsIn(string template) => template.Contains(Evidence ?? Close, StringComparison.Ordinal);

    /// <summary>Tells whether a prompt ends inside the reasoning, as templates do that open it for the model.</summary>
    public bool IsOpenAtEnd(string prompt)
        => prompt.AsSpan().TrimEnd().EndsWith(Open.AsSpan().TrimEnd(), StringComparison.Ordinal);
}
