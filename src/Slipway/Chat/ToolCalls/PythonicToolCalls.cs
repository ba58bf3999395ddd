using System.Text.RegularExpressions;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using Slipway.Guidance.Json;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary><c>[name(key="value", other=2), …]</c>, calls as Python writes them: Llama 4, LFM2.</summary>
/// <param name="name">The row's name.</param>
/// <param name="open">The text before the calls, their bracket included.</param>
/// <param name="close">The text after them, their bracket included.</param>
internal sealed partial class PythonicToolCalls(string name, string open, string close) : ToolCallFormat
{
    public override string Name => name;

    public override string Open => open;

    public override string? Close => OpenBelongsToBody ? null : close;

    public override bool IsJson => false;

    public override bool OpenBelongsToBody => open == "[";

    public override bool OnlyAtStart => OpenBelongsToBody;

    public override IReadOnlyList<string> FurtherTags => [open.TrimEnd('['), close.TrimStart(']')];

    internal override bool HasSingleQuotes => true;

    public override bool IsIn(string text)
        => OpenBelongsToBody
            ? Example().IsMatch(text)
            : text.Contains(open.TrimEnd('['), StringComparison.Ordinal)
                && text.Contains(close.TrimStart(']'), StringComparison.Ordinal);

    public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
        => new PythonCallReader(OpenBelongsToBody ? body : $"[{body}]").Read();

    public override string GuessName(string body)
    {
        var end = body.IndexOf('(', StringComparison.Ordinal);
        return end < 0 ? "" : NameOrEmpty(body[..end].TrimStart('[', ' '));
    }

    public override string Write(IReadOnlyList<ToolCall> calls)
        => open + string.Join(", ", calls.Select(Write)) + close;

    public override string Prefix(string? function) => function is null ? open : $"{open}{function}(";

    internal override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
    {
        var call = OneOf([.. functions.Select(function => Sequence(
            Literal($"{function.Name}("), PythonArguments.Of(function), Literal(")")))]);
        return Sequence(
            JsonGrammar.Space, call,
            several ? Repeat(Sequence(JsonGrammar.Comma, call), 0) : Empty,
            Literal(close));
    }

    private static string Write(ToolCall call)
        => $"{call.Name}({string.Join(", ", call.Arguments.Select(argument => $"{argument.Key}="
            + (ToolCall.WriteValue(argument.Value) switch
            {
                "true" => "True",
                "false" => "False",
                "null" => "None",
                var value => value,
            })))})";

    // Behind a tag it would be that tag's format.
    [GeneratedRegex("""(?<![>\]]\s*)\[[a-z]\w*\([a-z]\w*=""", RegexOptions.IgnoreCase)]
    private static partial Regex Example();
}
