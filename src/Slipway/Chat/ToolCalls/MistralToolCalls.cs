using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using Slipway.Guidance.Json;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary>
/// Mistral's <c>[TOOL_CALLS]name[ARGS]{…}</c>, or <c>[TOOL_CALLS][{"name": …, "arguments": {…}}]</c>; both are read.
/// </summary>
/// <param name="isList">Whether the model writes a list, as the older ones do.</param>
internal sealed class MistralToolCalls(bool isList) : ToolCallFormat
{
    private const string Arguments = "[ARGS]";
    private const string IdTag = "[CALL_ID]";

    public override string Name => isList ? "mistral" : "mistral-args";

    public override string Open => "[TOOL_CALLS]";

    public override IReadOnlyList<string> FurtherTags => [Arguments, IdTag];

    public override bool IsIn(string text)
        => base.IsIn(text) && (isList || text.Contains(Arguments, StringComparison.Ordinal));

    internal override bool IsForm(string answer) => isList != answer.Contains(Arguments, StringComparison.Ordinal);

    public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
    {
        if (body.AsSpan().TrimStart() is ['[' or '{', ..])
        {
            return ParseJson(body);
        }

        var name = GuessName(body);
        var arguments = body.IndexOf('{', StringComparison.Ordinal);
        return name.Length > 0 && arguments >= 0
            ? [new(name, ToolCall.ReadArguments(body[arguments..]))]
            : throw new JsonException($"Neither a list of calls nor 'name{Arguments}{{…}}' follows '{Open}'.");
    }

    public override string GuessName(string body)
    {
        var end = body.AsSpan().IndexOfAny('[', '{');
        return end > 0 && NameOrEmpty(body[..end].Trim()) is { Length: > 0 } name ? name : base.GuessName(body);
    }

    public override string Write(IReadOnlyList<ToolCall> calls)
        => isList ? Open + JsonCallKeys.Usual.WriteList(calls)
            : string.Concat(calls.Select(call => $"{Open}{call.Name}{Arguments}{call.WriteArguments()}"));

    public override string Prefix(string? function)
        => isList ? $"{Open}[{JsonCallKeys.Usual.Prefix(function)}"
            : function is null ? Open : $"{Open}{function}{Arguments}";

    internal override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
    {
        var letter = OneOf(Range('a', 'z'), Range('A', 'Z'), Range('0', '9'));
        var id = Optional(Sequence(Literal(IdTag), Repeat(letter, 9, 9)));
        return Sequence(CallGrammar.Margin, OneOf([
            .. isList ? (GrammarElement[])[CallGrammar.List(functions, several)] : [],
            .. isList ? [] : functions.Select(function => Sequence(
                Literal(function.Name), id, Optional(Literal(Arguments)), JsonGrammar.Space, function.Arguments)),
        ]));
    }
}
