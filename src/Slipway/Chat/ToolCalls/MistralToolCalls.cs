using System.Text.Json;
using Slipway.Guidance;
using Slipway.Guidance.Json;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary>
/// Mistral's <c>[TOOL_CALLS][{"name": …, "arguments": {…}}]</c> and <c>[TOOL_CALLS]name[ARGS]{…}</c>.
/// </summary>
internal sealed class MistralToolCalls : ToolCallFormat
{
    private const string Arguments = "[ARGS]";
    private const string CallId = "[CALL_ID]";

    public override string Name => "mistral";

    public override string Open => "[TOOL_CALLS]";

    public override string? Close => null;

    public override IReadOnlyList<string> FurtherTags => [Arguments, CallId];

    public override bool IsIn(string template) => template.Contains(Open, StringComparison.Ordinal);

    public override IReadOnlyList<ToolCall> Parse(string body)
    {
        if (body.AsSpan().TrimStart() is ['[' or '{', ..])
        {
            return ParseJson(body);
        }

        var name = GuessName(body);
        var arguments = body.IndexOf('{', StringComparison.Ordinal);
        if (name.Length == 0 || arguments < 0)
        {
            throw new JsonException($"Neither a list of calls nor 'name{Arguments}{{…}}' follows '{Open}'.");
        }

        using var document = JsonDocument.Parse(body.AsMemory(arguments));
        return [new(name, ToolCall.ReadArguments(document.RootElement))];
    }

    public override string GuessName(string body)
    {
        var end = body.AsSpan().IndexOfAny('[', '{');
        return end > 0 && NameOrEmpty(body[..end].Trim()) is { Length: > 0 } name ? name : base.GuessName(body);
    }

    // The two generations of the format begin differently, and the template does not say which one a model writes.
    public override string? Prefix(string? function) => null;

    public override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
    {
        var letter = OneOf(Range('a', 'z'), Range('A', 'Z'), Range('0', '9'));
        var id = Optional(Sequence(Literal(CallId), Repeat(letter, 9, 9)));
        return Sequence(CallGrammar.Margin, OneOf([
            CallGrammar.List(functions, several),
            .. functions.Select(function => Sequence(
                Literal(function.Name), id, Optional(Literal(Arguments)), JsonGrammar.Space, function.Arguments)),
        ]));
    }
}
