using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using Slipway.Guidance.Json;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary><c>&lt;|tools_prefix|&gt;[{"name": {…}}]&lt;|tools_suffix|&gt;</c>, the name a member: Apertus.</summary>
internal sealed class ApertusToolCalls : ToolCallFormat
{
    public override string Name => "apertus";

    public override string Open => "<|tools_prefix|>";

    public override string Close => "<|tools_suffix|>";

    public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
    {
        using var document = JsonDocument.Parse(body);
        if (document.RootElement.ValueKind != JsonValueKind.Array)
        {
            throw new JsonException("The calls must be a JSON list.");
        }

        return [.. document.RootElement.EnumerateArray().SelectMany(Read)];
    }

    public override string GuessName(string body)
    {
        var start = body.IndexOf('"', StringComparison.Ordinal) + 1;
        var end = start == 0 ? -1 : body.IndexOf('"', start);
        return end < 0 ? "" : NameOrEmpty(body[start..end]);
    }

    public override string Write(IReadOnlyList<ToolCall> calls)
        => $"{Open}[{string.Join(", ", calls.Select(call => $"{Begin(call.Name)}{call.WriteArguments()}}}"))}]{Close}";

    public override string Prefix(string? function) => $"{Open}[{(function is null ? "{\"" : Begin(function))}";

    internal override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
    {
        var call = OneOf([.. functions.Select(function => Sequence(
            Literal($"{{{PythonJson.Quote(function.Name)}"), JsonGrammar.Colon, function.Arguments, Literal("}")))]);
        return Sequence(Literal("["), CallGrammar.AfterBracket(call, several), CallGrammar.Margin, Literal(Close));
    }

    private static string Begin(string function) => $"{{{PythonJson.Quote(function)}: ";

    private static IEnumerable<ToolCall> Read(JsonElement call)
        => call.ValueKind == JsonValueKind.Object
            ? call.EnumerateObject().Select(member => new ToolCall(member.Name, ToolCall.ReadArguments(member.Value)))
            : throw new JsonException("A call must be a JSON object whose member names the function.");
}
