using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary><c>call:name{key:value}</c>, keys without quotes and strings in a token: Gemma 4, FunctionGemma.</summary>
/// <param name="name">The row's name.</param>
/// <param name="open">The text before a call.</param>
/// <param name="close">The text after it.</param>
/// <param name="quote">The token before and after a string.</param>
internal sealed class GemmaToolCalls(string name, string open, string close, string quote) : ToolCallFormat
{
    private const string Call = "call:";

    public override string Name => name;

    public override string Open => open;

    public override string Close => close;

    public override bool IsJson => false;

    public override IReadOnlyList<string> FurtherTags => [close, quote];

    public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
    {
        var function = GuessName(body);
        var start = body.IndexOf('{', StringComparison.Ordinal);
        return function.Length > 0 && start >= 0
            ? [new(function, new GemmaReader(body[start..], quote).Read())]
            : throw new JsonException($"A call must be '{Call}name{{…}}'.");
    }

    public override string GuessName(string body)
    {
        var end = body.IndexOf('{', StringComparison.Ordinal);
        var text = (end < 0 ? body : body[..end]).Trim();
        return text.StartsWith(Call, StringComparison.Ordinal) ? NameOrEmpty(text[Call.Length..]) : "";
    }

    public override string Write(IReadOnlyList<ToolCall> calls)
        => string.Concat(calls.Select(call => $"{open}{Call}{call.Name}{Write(Node(call))}{close}"));

    public override string Prefix(string? function)
        => $"{open}{Call}" + (function is null ? "" : $"{function}{{");

    internal override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
    {
        var values = new GemmaGrammar(quote);
        return Sequence(
            Literal(Call),
            OneOf([.. functions.Select(function => Sequence(
                Literal(function.Name), values.Object(function.Schema)))]),
            CallGrammar.Margin, Literal(close));
    }

    private static JsonNode? Node(ToolCall call) => JsonNode.Parse(call.WriteArguments());

    private string Write(JsonNode? value) => value switch
    {
        JsonObject members => $"{{{string.Join(',', members.Select(pair => $"{pair.Key}:{Write(pair.Value)}"))}}}",
        JsonArray items => $"[{string.Join(',', items.Select(Write))}]",
        not null when value.GetValueKind() == JsonValueKind.String => $"{quote}{value.GetValue<string>()}{quote}",
        _ => value?.ToJsonString() ?? "null",
    };
}
