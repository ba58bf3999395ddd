using System.Text.Json;
using Slipway.Guidance;

namespace Slipway.Chat;

/// <summary><c>{"name": …, "parameters": {…}}</c> as the whole answer: Llama 3.1, 3.2 and 3.3.</summary>
internal sealed class LlamaJsonToolCalls : ToolCallFormat
{
    public override string Name => "llama-json";

    public override string Open => "{\"name\"";

    public override string? Close => null;

    public override bool OnlyAtStart => true;

    public override bool OpenBelongsToBody => true;

    public override bool IsIn(string template)
        => template.Contains("{\"name\": function name, \"parameters\":", StringComparison.Ordinal);

    // An object without parameters is an answer in JSON, not a call.
    public override IReadOnlyList<ToolCall> Parse(string body)
    {
        using var document = JsonDocument.Parse(body);
        return document.RootElement.TryGetProperty("parameters", out _)
            ? [ToolCall.Read(document.RootElement, "parameters")]
            : [];
    }

    public override string? Prefix(string? function)
        => function is null ? "{\"name\": \"" : $"{{\"name\": \"{function}\", \"parameters\": ";

    // Without parameters it would be read as an answer.
    public override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
        => CallGrammar.AfterName(functions, "parameters", alwaysHasArguments: true);
}
