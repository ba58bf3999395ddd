using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary>Calls whose parameters stand between tags of their own, a function's tag around them.</summary>
/// <remarks>
/// For example <c>&lt;tool_call&gt;&lt;function=name&gt;&lt;parameter=key&gt;value&lt;/parameter&gt;…</c>, closed by
/// <c>&lt;/function&gt;&lt;/tool_call&gt;</c>.
/// </remarks>
/// <param name="name">The row's name.</param>
/// <param name="open">The text before the calls.</param>
/// <param name="close">The text after them.</param>
/// <param name="tags">The tags of functions and parameters.</param>
internal sealed class TaggedParameterToolCalls(string name, string open, string close, ParameterTags tags)
    : ToolCallFormat
{
    public override string Name => name;

    public override string Open => open;

    public override string Close => close;

    public override bool IsJson => false;

    /// <summary>The other form of a family whose versions differ by the outer tag.</summary>
    public IReadOnlyList<ToolCallFormat> Others { get; init; } = [];

    public override IReadOnlyList<ToolCallFormat> OtherForms => Others;

    public override bool IsIn(string text)
        => base.IsIn(text) && text.Contains(tags.Function, StringComparison.Ordinal)
            && text.Contains(tags.Parameter, StringComparison.Ordinal);

    public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
    {
        var calls = new List<ToolCall>();
        for (var at = body.IndexOf(tags.Function, StringComparison.Ordinal); at >= 0;)
        {
            var next = body.IndexOf(tags.Function, at + tags.Function.Length, StringComparison.Ordinal);
            calls.Add(ParseOne(next < 0 ? body[at..] : body[at..next], functions));
            at = next;
        }

        return calls.Count > 0 ? calls : throw new JsonException($"A call must hold '{tags.Function}name>'.");
    }

    public override string GuessName(string body)
    {
        var start = body.IndexOf(tags.Function, StringComparison.Ordinal);
        var end = start < 0 ? -1 : body.IndexOf(tags.NameEnd, start + tags.Function.Length, StringComparison.Ordinal);
        return end < 0 ? "" : NameOrEmpty(body[(start + tags.Function.Length)..end].Trim());
    }

    public override string Write(IReadOnlyList<ToolCall> calls)
        => tags.IsList
            ? $"{open}\n{string.Concat(calls.Select(WriteOne))}{close}"
            : string.Join('\n', calls.Select(call => $"{open}\n{WriteOne(call)}{close}"));

    public override string Prefix(string? function)
        => $"{open}\n{tags.Function}" + (function is null ? "" : $"{function}{tags.NameEnd}\n");

    internal override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
    {
        var parameters = new TaggedParameters(
            tags.Parameter, isText => Literal(tags.KeyEnd(isText)), tags.ParameterEnd, Close);
        var call = Sequence(
            Literal(tags.Function),
            OneOf([.. functions.Select(
                function => Sequence(Literal(function.Name), Literal(tags.NameEnd), parameters.Of(function)))]),
            CallGrammar.Margin, Literal(tags.FunctionEnd));
        return Sequence(
            CallGrammar.Margin, CallGrammar.OneOrMore(call, several && tags.IsList),
            CallGrammar.Margin, Literal(Close));
    }

    private string WriteOne(ToolCall call)
    {
        var text = new StringBuilder(tags.Function).Append(call.Name).Append(tags.NameEnd).Append('\n');
        foreach (var (key, value) in call.Arguments)
        {
            text.Append(tags.Parameter).Append(key).Append(tags.KeyEnd(ToolCall.IsText(value)))
                .Append(tags.Margin).Append(ToolCall.WritePlain(value)).Append(tags.Margin)
                .Append(tags.ParameterEnd).Append('\n');
        }

        return text.Append(tags.FunctionEnd).Append('\n').ToString();
    }

    private ToolCall ParseOne(string text, IReadOnlyList<AIFunctionDeclaration> functions)
    {
        if (GuessName(text) is not { Length: > 0 } function)
        {
            throw new JsonException($"A call must hold '{tags.Function}name{tags.NameEnd}'.");
        }

        var types = ArgumentTypes.Of(functions, function);
        var arguments = new Dictionary<string, object?>(StringComparer.Ordinal);
        for (var at = text.IndexOf(tags.Parameter, StringComparison.Ordinal); at >= 0;)
        {
            var keyStart = at + tags.Parameter.Length;
            var keyEnd = text.IndexOfAny(['>', '"'], keyStart);
            var valueStart = keyEnd < 0 ? -1 : text.IndexOf('>', keyEnd) + 1;
            var valueEnd = valueStart <= 0 ? -1 : text.IndexOf(tags.ParameterEnd, valueStart, StringComparison.Ordinal);
            if (valueEnd < 0)
            {
                throw new JsonException($"A '{tags.Parameter}name' has no '{tags.ParameterEnd}'.");
            }

            var key = text[keyStart..keyEnd].Trim();
            var value = text[valueStart..valueEnd];
            arguments[key] = text[keyEnd..valueStart].Contains("string=\"true\"", StringComparison.Ordinal)
                ? value : types.Read(key, value);
            at = text.IndexOf(tags.Parameter, valueEnd, StringComparison.Ordinal);
        }

        return new(function, arguments);
    }
}

/// <summary>Names the tags that stand around functions and parameters.</summary>
/// <param name="Function">The text before a function's name.</param>
/// <param name="NameEnd">The text after it.</param>
/// <param name="FunctionEnd">The text after the parameters.</param>
/// <param name="Parameter">The text before a parameter's name.</param>
/// <param name="ParameterEnd">The text after its value.</param>
internal sealed record ParameterTags(
    string Function, string NameEnd, string FunctionEnd, string Parameter, string ParameterEnd)
{
    /// <summary>The text between a parameter's name and its value, for a string and for any other value.</summary>
    public Func<bool, string> KeyEnd { get; init; } = _ => ">";

    /// <summary>The text around a value.</summary>
    public string Margin { get; init; } = "";

    /// <summary>Tells whether several calls stand between one pair of outer tags.</summary>
    public bool IsList { get; init; }
}
