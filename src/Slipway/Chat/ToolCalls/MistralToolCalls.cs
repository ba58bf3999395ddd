using System.Text.Json;

namespace Slipway.Chat;

/// <summary>Mistral's <c>[TOOL_CALLS][{"name": …, "arguments": {…}}]</c> and <c>[TOOL_CALLS]name[ARGS]{…}</c>.</summary>
internal sealed class MistralToolCalls : ToolCallFormat
{
    private const string Arguments = "[ARGS]";

    public override string Name => "mistral";

    public override string Open => "[TOOL_CALLS]";

    public override string? Close => null;

    public override IReadOnlyList<string> FurtherTags => [Arguments, "[CALL_ID]"];

    public override bool IsIn(string template) => template.Contains(Open, StringComparison.Ordinal);

    public override IReadOnlyList<ToolCall> Parse(string body)
    {
        if (body.AsSpan().TrimStart() is ['[' or '{', ..])
        {
            return ParseJson(body);
        }

        var name = GuessName(body);
        var arguments = body.IndexOf('{', StringComparison.Ordinal);
        if (name.Length == 0 || arguments < 0)
        {
            throw new JsonException($"Neither a list of calls nor 'name{Arguments}{{…}}' follows '{Open}'.");
        }

        using var document = JsonDocument.Parse(body.AsMemory(arguments));
        return [new(name, ToolCall.ReadArguments(document.RootElement))];
    }

    public override string GuessName(string body)
    {
        var end = body.AsSpan().IndexOfAny('[', '{');
        return end > 0 && NameOrEmpty(body[..end].Trim()) is { Length: > 0 } name ? name : base.GuessName(body);
    }

    // The two generations of the format begin differently, and the template does not say which one a model writes.
    public override string? Prefix(string? function) => null;
}
