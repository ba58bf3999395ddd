using Slipway.Guidance;

namespace Slipway.Chat;

/// <summary>One call or a list of calls, <c>{"name": …, "arguments": {…}}</c> each, between two tags.</summary>
internal sealed class TaggedJsonToolCalls(string name, string open, string close, bool list) : ToolCallFormat
{
    public override string Name => name;

    public override string Open => open;

    public override string Close => close;

    public override bool IsIn(string template)
        => template.Contains(open, StringComparison.Ordinal) && template.Contains(close, StringComparison.Ordinal);

    public override IReadOnlyList<ToolCall> Parse(string body) => ParseJson(body);

    public override string? Prefix(string? function)
        => open + (list ? "[" : "\n")
            + (function is null ? "{\"name\": \"" : $"{{\"name\": \"{function}\", \"arguments\": ");

    public override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
        => GrammarElement.Sequence(
            CallGrammar.Margin,
            list ? CallGrammar.List(functions, several) : CallGrammar.Object(functions),
            CallGrammar.Margin,
            GrammarElement.Literal(close));
}
