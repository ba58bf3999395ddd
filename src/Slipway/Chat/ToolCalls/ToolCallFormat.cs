using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Guidance;

namespace Slipway;

/// <summary>Describes how a family of models writes tool calls into its text.</summary>
/// <remarks>
/// A call begins with <see cref="Open"/> and ends with <see cref="Close"/>, or where there is none with the bracket
/// that closes its JSON. Formats are stateless and safe for concurrent use. Those of published models are built in and
/// found from a package's chat template; give another one to <see cref="OnnxChatClientOptions.ToolCallFormats"/>.
/// </remarks>
public abstract partial class ToolCallFormat
{
    /// <summary>The format's name, as <c>slipway.json</c> and options name it.</summary>
    public abstract string Name { get; }

    /// <summary>The text that begins a call.</summary>
    public abstract string Open { get; }

    /// <summary>The text that ends a call; null where its last bracket does.</summary>
    public virtual string? Close => null;

    /// <summary>Tells whether a call can only stand at the start of an answer.</summary>
    public virtual bool OnlyAtStart => false;

    /// <summary>Tells whether <see cref="Open"/> is the first part of the body and not markup before it.</summary>
    /// <remarks>Such a text may also begin an ordinary answer: where the body is no call, it is text.</remarks>
    public virtual bool OpenBelongsToBody => false;

    /// <summary>
    /// Tells whether the body is JSON, so that the closing text inside one of its strings does not count.
    /// </summary>
    public virtual bool IsJson => true;

    /// <summary>The texts beside <see cref="Open"/> that a tokenizer may hold as special tokens.</summary>
    public virtual IReadOnlyList<string> FurtherTags => Close is null ? [] : [Close];

    /// <summary>Texts between calls and ordinary text that are neither; they are left out of the answer.</summary>
    public virtual IReadOnlyList<string> Markup => [];

    /// <summary>Other forms in which models of this family write calls; they are read, this one is written.</summary>
    public virtual IReadOnlyList<ToolCallFormat> OtherForms => [];

    /// <summary>The text that begins a call under guidance; another one only where Open also begins text.</summary>
    internal virtual string GuidedOpen => Open;

    /// <summary>Tells whether strings of the body may stand in single quotes.</summary>
    internal virtual bool HasSingleQuotes => false;

    /// <summary>Tells whether a call that a template has written, and that this format reads, is of its form.</summary>
    internal virtual bool IsForm(string answer)
        => Close is null || answer.Contains(Close, StringComparison.Ordinal);

    /// <summary>The id of a call where its family makes ids of the function's name; null where any will do.</summary>
    internal virtual string? CallId(string function, int index) => null;

    /// <summary>Tells whether a text that teaches calls teaches them in this format.</summary>
    /// <param name="text">A prompt that describes tools, where the template writes no calls of its own.</param>
    public virtual bool IsIn(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Contains(Open, StringComparison.Ordinal)
            && (Close is null || text.Contains(Close, StringComparison.Ordinal));
    }

    /// <summary>
    /// Reads what stands between <see cref="Open"/> and <see cref="Close"/>; empty where it is no call.
    /// </summary>
    /// <param name="body">The text between the two.</param>
    /// <param name="functions">The offered functions, whose schemas tell the types of arguments.</param>
    /// <exception cref="JsonException">The body is malformed.</exception>
    public abstract IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions);

    /// <summary>Writes calls as the model does, its opening and closing texts included.</summary>
    /// <param name="calls">The calls; at least one.</param>
    public abstract string Write(IReadOnlyList<ToolCall> calls);

    /// <summary>The text an answer must begin with so that it is a call.</summary>
    /// <param name="function">The function to call; null for any.</param>
    public abstract string Prefix(string? function);

    /// <summary>
    /// The grammar of what follows <see cref="Open"/> in a call of one of the functions, its end included; null where
    /// calls are not held to the functions.
    /// </summary>
    /// <param name="functions">The functions; at least one.</param>
    /// <param name="several">Whether more than one call may stand before the end.</param>
    public virtual GuidanceGrammar? Grammar(IReadOnlyList<AIFunctionDeclaration> functions, bool several) => null;

    /// <summary>The grammar of <see cref="Grammar"/>, built from elements.</summary>
    internal virtual GrammarElement? Body(IReadOnlyList<OfferedFunction> functions, bool several)
        => Grammar([.. functions.Select(function => function.Declaration)], several)?.Element;

    /// <summary>The grammar of <see cref="Body"/> where it may be nothing but a call.</summary>
    internal virtual GrammarElement? CallBody(IReadOnlyList<OfferedFunction> functions, bool several)
        => Body(functions, several);

    /// <summary>The text behind <see cref="Open"/> that begins ordinary text; null where Open begins calls
    /// alone.</summary>
    internal virtual string? TextStart => null;

    /// <summary>Finds the function's name in a malformed body; empty where there is none.</summary>
    /// <param name="body">The text between the two.</param>
    public virtual string GuessName(string body)
        => NamePattern().Match(body) is { Success: true } match ? match.Groups[1].Value : "";

    /// <summary>Reads one call or a list of calls.</summary>
    internal static IReadOnlyList<ToolCall> ParseJson(string body)
    {
        using var document = JsonDocument.Parse(body);
        var root = document.RootElement;
        return root.ValueKind == JsonValueKind.Array
            ? [.. root.EnumerateArray().Select(ToolCall.Read)]
            : [ToolCall.Read(root)];
    }

    /// <summary>A text where it can be a function's name; empty where it cannot.</summary>
    internal static string NameOrEmpty(string text)
        => text.Length <= 128
        && text.All(c => char.IsAsciiLetterOrDigit(c) || "_.:/-".Contains(c, StringComparison.Ordinal))
            ? text
            : "";

    [GeneratedRegex("\"(?:tool_)?name\"\\s*:\\s*\"([A-Za-z0-9_.:/-]{1,128})\"")]
    private static partial Regex NamePattern();
}
