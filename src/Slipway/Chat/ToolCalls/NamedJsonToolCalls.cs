using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary>Calls that write the function's name as plain text and its arguments as a JSON object behind it.</summary>
/// <param name="name">The row's name.</param>
/// <param name="open">The text before the calls.</param>
/// <param name="close">The text after them; null where the last bracket ends them.</param>
/// <param name="tags">The texts around names and arguments.</param>
internal sealed class NamedJsonToolCalls(string name, string open, string? close, NamedCallTags tags) : ToolCallFormat
{
    private const string Fence = "```json";

    public override string Name => name;

    public override string Open => open;

    public override string? Close => close;

    public override IReadOnlyList<string> FurtherTags
        => [.. new[] { close, tags.Call, tags.NameEnd, tags.CallEnd }.OfType<string>().Where(tag => tag.Length > 0)];

    public override bool IsIn(string text)
        => base.IsIn(text) && SpecialTokens.In([tags.Call, tags.NameEnd]).All(text.Contains)
            && (!tags.NameEnd.Contains(Fence, StringComparison.Ordinal)
                || text.Contains(Fence, StringComparison.Ordinal));

    public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
    {
        var calls = new List<ToolCall>();
        for (var at = 0; (at = FindCall(body, at)) >= 0;)
        {
            var nameEnd = body.IndexOf(tags.NameEnd.Trim(), at, StringComparison.Ordinal);
            var start = nameEnd < 0 ? -1 : body.IndexOf('{', nameEnd);
            if (start < 0 || CleanName(body[at..nameEnd]) is not { Length: > 0 } function)
            {
                throw new JsonException($"A call must be a name, '{tags.NameEnd.Trim()}' and a JSON object.");
            }

            var end = EndOfObject(body, start);
            calls.Add(new(function, ToolCall.ReadArguments(body[start..end])));
            at = tags.Call.Length == 0 ? body.Length + 1 : end;
        }

        return calls.Count > 0 ? calls : throw new JsonException($"A call must begin with '{tags.Call}'.");
    }

    public override string GuessName(string body)
    {
        var at = FindCall(body, 0);
        var end = at < 0 ? -1 : body.IndexOf(tags.NameEnd.Trim(), at, StringComparison.Ordinal);
        return end < 0 ? "" : CleanName(body[at..end]);
    }

    public override string Write(IReadOnlyList<ToolCall> calls)
    {
        var isList = tags.Call.Length > 0;
        var text = new StringBuilder(isList ? open : "");
        for (var i = 0; i < calls.Count; i++)
        {
            text.Append(isList ? "" : open).Append(tags.Before).Append(tags.Call).Append(calls[i].Name)
                .Append(Number(i)).Append(tags.NameEnd).Append(calls[i].WriteArguments()).Append(tags.CallEnd)
                .Append(isList ? "" : close);
        }

        return text.Append(isList ? close : "").ToString();
    }

    public override string Prefix(string? function)
        => open + tags.Before + tags.Call + (function is null ? "" : function + Number(0) + tags.NameEnd);

    internal override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
    {
        var number = tags.IsNumbered ? Sequence(Literal(":"), Repeat(Range('0', '9'), 1, 3)) : Empty;
        var call = Sequence(
            Literal(tags.Before + tags.Call),
            OneOf([.. functions.Select(function => Sequence(
                Literal(function.Name), number, Literal(tags.NameEnd), function.Arguments))]),
            Literal(tags.CallEnd));
        return Sequence(
            CallGrammar.OneOrMore(call, several && tags.Call.Length > 0),
            close is null ? Empty : Sequence(CallGrammar.Margin, Literal(close)));
    }

    internal override string? CallId(string function, int index)
        => tags.IsNumbered ? $"functions.{function}:{index}" : null;

    private string Number(int index) => tags.IsNumbered ? $":{index}" : "";

    // The place of the next function's name.
    private int FindCall(string body, int from)
    {
        if (from > body.Length || tags.Call.Length == 0)
        {
            return from > 0 ? -1 : 0;
        }

        var at = body.IndexOf(tags.Call, from, StringComparison.Ordinal);
        return at < 0 ? -1 : at + tags.Call.Length;
    }

    private static string CleanName(string text)
    {
        var cleaned = text.Trim();
        cleaned = cleaned.StartsWith("functions.", StringComparison.Ordinal) ? cleaned["functions.".Length..] : cleaned;
        var colon = cleaned.LastIndexOf(':');
        return NameOrEmpty(
            colon > 0 && cleaned[(colon + 1)..].All(char.IsAsciiDigit) ? cleaned[..colon] : cleaned);
    }

    private static int EndOfObject(string body, int start)
    {
        var scanner = new BodyScanner();
        for (var i = start; i < body.Length; i++)
        {
            scanner.Append(body[i]);
            if (scanner.IsComplete)
            {
                return i + 1;
            }
        }

        throw new JsonException("The arguments of a call are cut off.");
    }
}

/// <summary>Names the texts that stand around a function's name and its arguments.</summary>
/// <param name="Call">The text before the name; empty where the format's opening text is all that comes.</param>
/// <param name="NameEnd">The text between the name and the arguments.</param>
/// <param name="CallEnd">The text after the arguments.</param>
internal sealed record NamedCallTags(string Call, string NameEnd, string CallEnd)
{
    /// <summary>The text before <see cref="Call"/> that says nothing about the call.</summary>
    public string Before { get; init; } = "";

    /// <summary>Tells whether a colon and the call's index follow the name.</summary>
    public bool IsNumbered { get; init; }
}
