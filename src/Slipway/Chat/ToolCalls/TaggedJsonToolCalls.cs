using Microsoft.Extensions.AI;
using Slipway.Guidance;

namespace Slipway.Chat;

/// <summary>One call or a list of calls, <c>{"name": …, "arguments": {…}}</c> each, behind a tag.</summary>
/// <param name="name">The row's name.</param>
/// <param name="open">The text before the JSON.</param>
/// <param name="close">The text after it; null where the JSON's last bracket ends the call.</param>
internal sealed class TaggedJsonToolCalls(string name, string open, string? close) : ToolCallFormat
{
    /// <summary>Tells whether the JSON is a list of calls.</summary>
    public bool IsList { get; init; }

    /// <summary>The names of a call's members.</summary>
    public JsonCallKeys Keys { get; init; } = JsonCallKeys.Usual;

    /// <summary>The text between each of the tags and the JSON, as models write it.</summary>
    public string Margin { get; init; } = "";

    /// <summary>Forms that are read too.</summary>
    public IReadOnlyList<ToolCallFormat> Others { get; init; } = [];

    public override string Name => name;

    public override string Open => open;

    public override string? Close => close;

    public override IReadOnlyList<ToolCallFormat> OtherForms => Others;

    public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
        => ParseJson(body);

    public override string Write(IReadOnlyList<ToolCall> calls)
        => IsList
            ? $"{open}{Margin}{Keys.WriteList(calls)}{Margin}{close}"
            : string.Join('\n', calls.Select(call => $"{open}{Margin}{Keys.Write(call)}{Margin}{close}"));

    public override string Prefix(string? function)
        => open + Margin + (IsList ? "[" : "") + Keys.Prefix(function);

    internal override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
        => GrammarElement.Sequence(
            CallGrammar.Margin,
            IsList ? CallGrammar.List(functions, several, Keys) : CallGrammar.Object(functions, Keys),
            close is null ? GrammarElement.Empty : CallGrammar.Margin,
            close is null ? GrammarElement.Empty : GrammarElement.Literal(close));
}
