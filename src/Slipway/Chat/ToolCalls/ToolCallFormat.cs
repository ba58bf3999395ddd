using System.Text.Json;
using System.Text.RegularExpressions;
using Slipway.Guidance;

namespace Slipway.Chat;

/// <summary>Describes how a family of models writes tool calls into its text.</summary>
/// <remarks>
/// Stateless and safe for concurrent use. A call begins with <see cref="Open"/> and ends with <see cref="Close"/>, or
/// where there is none with the bracket that closes its JSON. Formats are rows of <see cref="ToolCallFormats"/>.
/// </remarks>
internal abstract partial class ToolCallFormat
{
    /// <summary>The row's name.</summary>
    public abstract string Name { get; }

    /// <summary>The text that begins a call.</summary>
    public abstract string Open { get; }

    /// <summary>The text that ends a call; null where its JSON's last bracket does.</summary>
    public abstract string? Close { get; }

    /// <summary>Tells whether a call can only stand at the start of an answer.</summary>
    public virtual bool OnlyAtStart => false;

    /// <summary>Tells whether <see cref="Open"/> is the first part of the body and not markup before it.</summary>
    public virtual bool OpenBelongsToBody => false;

    /// <summary>
    /// Tells whether the body is JSON, so that the closing text inside one of its strings does not count.
    /// </summary>
    public virtual bool IsJson => true;

    /// <summary>The tags beside <see cref="Open"/> that a tokenizer may hold as special tokens.</summary>
    public virtual IReadOnlyList<string> FurtherTags => Close is null ? [] : [Close];

    /// <summary>Tells whether the chat template of a model teaches it this format.</summary>
    public abstract bool IsIn(string template);

    /// <summary>
    /// Reads what stands between <see cref="Open"/> and <see cref="Close"/>; empty where it is no call.
    /// </summary>
    /// <exception cref="JsonException">The body is malformed.</exception>
    public abstract IReadOnlyList<ToolCall> Parse(string body);

    /// <summary>
    /// The text an answer must begin with so that it is a call; null where the format cannot be forced.
    /// </summary>
    /// <param name="function">The function to call; null for any.</param>
    public abstract string? Prefix(string? function);

    /// <summary>
    /// The grammar of what follows <see cref="Open"/> in a call of one of the functions, its end included.
    /// </summary>
    /// <param name="functions">The functions; at least one.</param>
    /// <param name="several">Whether more than one call may stand before the end.</param>
    public abstract GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several);

    /// <summary>Finds the function's name in a malformed body; empty where there is none.</summary>
    public virtual string GuessName(string body)
        => NamePattern().Match(body) is { Success: true } match ? match.Groups[1].Value : "";

    /// <summary>Reads one call or a list of calls.</summary>
    protected static IReadOnlyList<ToolCall> ParseJson(string body)
    {
        using var document = JsonDocument.Parse(body);
        var root = document.RootElement;
        return root.ValueKind == JsonValueKind.Array
            ? [.. root.EnumerateArray().Select(call => ToolCall.Read(call))]
            : [ToolCall.Read(root)];
    }

    /// <summary>A text where it can be a function's name; empty where it cannot.</summary>
    protected static string NameOrEmpty(string text)
        => text.Length <= 128
        && text.All(c => char.IsAsciiLetterOrDigit(c) || "_.:/-".Contains(c, StringComparison.Ordinal))
            ? text
            : "";

    [GeneratedRegex("\"name\"\\s*:\\s*\"([A-Za-z0-9_.:/-]{1,128})\"")]
    private static partial Regex NamePattern();
}
