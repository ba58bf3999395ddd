using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary>
/// <c>&lt;tool_call&gt;name&lt;arg_key&gt;key&lt;/arg_key&gt;&lt;arg_value&gt;value&lt;/arg_value&gt;…</c>, closed by
/// <c>&lt;/tool_call&gt;</c>:
/// GLM 4.5 and later.
/// </summary>
internal sealed class KeyValueTagToolCalls : ToolCallFormat
{
    private const string KeyTag = "<arg_key>";
    private const string KeyEnd = "</arg_key>";
    private const string ValueTag = "<arg_value>";
    private const string ValueEnd = "</arg_value>";

    public override string Name => "key-value-tag";

    public override string Open => "<tool_call>";

    public override string Close => "</tool_call>";

    public override bool IsJson => false;

    public override bool IsIn(string text) => base.IsIn(text) && text.Contains(KeyTag, StringComparison.Ordinal);

    public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
    {
        var name = GuessName(body);
        if (name.Length == 0)
        {
            throw new JsonException($"A call must begin with the function's name, before '{KeyTag}'.");
        }

        var types = ArgumentTypes.Of(functions, name);
        var arguments = new Dictionary<string, object?>(StringComparer.Ordinal);
        for (var at = body.IndexOf(KeyTag, StringComparison.Ordinal); at >= 0;)
        {
            var keyEnd = body.IndexOf(KeyEnd, at, StringComparison.Ordinal);
            var value = keyEnd < 0 ? -1 : body.IndexOf(ValueTag, keyEnd, StringComparison.Ordinal);
            var valueEnd = value < 0 ? -1 : body.IndexOf(ValueEnd, value, StringComparison.Ordinal);
            if (valueEnd < 0)
            {
                throw new JsonException($"A '{KeyTag}' has no '{ValueTag}…{ValueEnd}'.");
            }

            var key = body[(at + KeyTag.Length)..keyEnd].Trim();
            arguments[key] = types.Read(key, body[(value + ValueTag.Length)..valueEnd]);
            at = body.IndexOf(KeyTag, valueEnd, StringComparison.Ordinal);
        }

        return [new(name, arguments)];
    }

    public override string GuessName(string body)
    {
        var end = body.IndexOf('<', StringComparison.Ordinal);
        return NameOrEmpty((end < 0 ? body : body[..end]).Trim());
    }

    public override string Write(IReadOnlyList<ToolCall> calls)
    {
        var text = new StringBuilder();
        foreach (var call in calls)
        {
            text.Append(text.Length == 0 ? "" : "\n").Append(Open).Append(call.Name).Append('\n');
            foreach (var (key, value) in call.Arguments)
            {
                text.Append(KeyTag).Append(key).Append(KeyEnd).Append('\n')
                    .Append(ValueTag).Append(ToolCall.WritePlain(value)).Append(ValueEnd).Append('\n');
            }

            text.Append(Close);
        }

        return text.ToString();
    }

    public override string Prefix(string? function) => function is null ? Open : $"{Open}{function}";

    internal override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
    {
        var middle = Sequence(Literal(KeyEnd), CallGrammar.Margin, Literal(ValueTag));
        var parameters = new TaggedParameters(KeyTag, _ => middle, ValueEnd, Close);
        var calls = functions.Select(function => Sequence(Literal(function.Name), parameters.Of(function)));
        return Sequence(CallGrammar.Margin, OneOf([.. calls]), CallGrammar.Margin, Literal(Close));
    }
}
