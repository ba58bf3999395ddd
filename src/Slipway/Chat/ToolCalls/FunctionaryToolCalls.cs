using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary><c>&gt;&gt;&gt;name\n{…}</c>, where the prompt has written the first mark: Functionary 3.2.</summary>
/// <remarks>Text is a message to the recipient <c>all</c>.</remarks>
internal sealed class FunctionaryToolCalls : ToolCallFormat
{
    private const string Everyone = "all\n";

    public override string Name => "functionary-3.2";

    public override string Open => ">>>";

    public override IReadOnlyList<string> Markup { get; } = [$">>>{Everyone}"];

    public override bool IsIn(string text) => text.Contains(">>>all\n${content}", StringComparison.Ordinal);

    public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
    {
        var start = body.IndexOf('{', StringComparison.Ordinal);
        return start > 0 && GuessName(body) is { Length: > 0 } name
            ? [new(name, ToolCall.ReadArguments(body[start..]))]
            : throw new JsonException("A call must be a function's name, a line end and a JSON object.");
    }

    public override string GuessName(string body)
    {
        var end = body.IndexOf('\n', StringComparison.Ordinal);
        return end < 0 ? "" : NameOrEmpty(body[..end].Trim());
    }

    public override string Write(IReadOnlyList<ToolCall> calls)
        => string.Concat(calls.Select(call => $"{Open}{call.Name}\n{call.WriteArguments()}"));

    public override string Prefix(string? function) => function is null ? Open : $"{Open}{function}\n";

    internal override string TextStart => Everyone;

    internal override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
        => OneOf(Sequence(Literal(Everyone), TextElement.Free()), CallBody(functions, several));

    internal override GrammarElement CallBody(IReadOnlyList<OfferedFunction> functions, bool several)
        => OneOf([.. functions.Select(function => Sequence(Literal($"{function.Name}\n"), function.Arguments))]);
}
