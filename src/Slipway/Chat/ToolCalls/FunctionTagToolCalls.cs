using System.Text.Json;
using Slipway.Guidance;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary>
/// <c>&lt;tool_call&gt;&lt;function=name&gt;&lt;parameter=key&gt;value&lt;/parameter&gt;…</c>, closed by
/// <c>&lt;/function&gt;&lt;/tool_call&gt;</c>: Qwen 3 Coder.
/// </summary>
internal sealed class FunctionTagToolCalls : ToolCallFormat
{
    private const string FunctionTag = "<function=";
    private const string ParameterTag = "<parameter=";
    private const string ParameterEnd = "</parameter>";

    public override string Name => "function-tag";

    public override string Open => "<tool_call>";

    public override string Close => "</tool_call>";

    public override bool IsJson => false;

    public override bool IsIn(string template)
        => template.Contains(FunctionTag, StringComparison.Ordinal)
            && template.Contains(ParameterTag, StringComparison.Ordinal);

    public override IReadOnlyList<ToolCall> Parse(string body)
    {
        var name = GuessName(body);
        if (name.Length == 0)
        {
            throw new JsonException($"A call must hold '{FunctionTag}name>'.");
        }

        var arguments = new Dictionary<string, object?>(StringComparer.Ordinal);
        for (var at = body.IndexOf(ParameterTag, StringComparison.Ordinal); at >= 0;)
        {
            var nameEnd = body.IndexOf('>', at);
            var valueEnd = nameEnd < 0 ? -1 : body.IndexOf(ParameterEnd, nameEnd, StringComparison.Ordinal);
            if (valueEnd < 0)
            {
                throw new JsonException($"A '{ParameterTag}name>' has no '{ParameterEnd}'.");
            }

            var key = body[(at + ParameterTag.Length)..nameEnd].Trim();
            arguments[key] = ToolCall.ReadValue(body[(nameEnd + 1)..valueEnd]);
            at = body.IndexOf(ParameterTag, valueEnd, StringComparison.Ordinal);
        }

        return [new(name, arguments)];
    }

    public override string GuessName(string body)
    {
        var start = body.IndexOf(FunctionTag, StringComparison.Ordinal);
        var end = start < 0 ? -1 : body.IndexOf('>', start);
        return end < 0 ? "" : NameOrEmpty(body[(start + FunctionTag.Length)..end].Trim());
    }

    public override string? Prefix(string? function)
        => function is null ? "<tool_call>\n<function=" : $"<tool_call>\n<function={function}>\n";

    public override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
    {
        var parameters = new TaggedParameters(ParameterTag, Literal(">"), ParameterEnd, Close);
        var calls = functions.Select(
            function => Sequence(Literal(function.Name), Literal(">"), parameters.Of(function)));
        return Sequence(
            CallGrammar.Margin, Literal(FunctionTag), OneOf([.. calls]),
            CallGrammar.Margin, Literal("</function>"), CallGrammar.Margin, Literal(Close));
    }
}
