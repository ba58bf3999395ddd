using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using Slipway.Guidance.Json;

namespace Slipway.Chat;

/// <summary>A JSON list of calls as the whole answer: xLAM, Hammer.</summary>
internal sealed partial class BareListToolCalls : ToolCallFormat
{
    public override string Name => "bare-list";

    public override string Open => "[";

    public override bool OnlyAtStart => true;

    public override bool OpenBelongsToBody => true;

    internal override string GuidedOpen => "[{\"name\"";

    public override bool IsIn(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Example().IsMatch(text);
    }

    // A list of anything else is an answer in JSON.
    public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
    {
        using var document = JsonDocument.Parse(body);
        var calls = document.RootElement;
        return calls.ValueKind == JsonValueKind.Array && calls.EnumerateArray().All(ToolCall.HasArguments)
            ? [.. calls.EnumerateArray().Select(ToolCall.Read)]
            : [];
    }

    public override string Write(IReadOnlyList<ToolCall> calls) => JsonCallKeys.Usual.WriteList(calls);

    public override string Prefix(string? function) => $"[{JsonCallKeys.Usual.Prefix(function)}";

    internal override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
    {
        var first = CallGrammar.AfterName(functions, JsonCallKeys.Usual.Arguments, alwaysHasArguments: true);
        var further = GrammarElement.Sequence(
            JsonGrammar.Comma, GrammarElement.Literal("{\"name\""), first);
        return GrammarElement.Sequence(
            first, several ? GrammarElement.Repeat(further, 0) : GrammarElement.Empty, GrammarElement.Literal("]"));
    }

    // Behind a tag it would be that tag's format.
    [GeneratedRegex("""(?<![>\]]\s*)\[\s*\{"name": "[^"{}]*", "arguments":""")]
    private static partial Regex Example();
}
