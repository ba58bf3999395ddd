using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.AI;
using Slipway.Guidance;

namespace Slipway.Chat;

/// <summary>
/// <c>{"name": …, "parameters": {…}}</c> as the whole answer, several after semicolons: Llama 3.1 to 3.3.
/// </summary>
/// <remarks>Models also write a member <c>type</c> first, or Python's calls; both are read.</remarks>
internal sealed partial class LlamaJsonToolCalls : ToolCallFormat
{
    private static readonly JsonCallKeys Keys = new("name", "parameters");

    public override string Name => "llama-json";

    public override string Open => "{";

    public override bool OnlyAtStart => true;

    public override bool OpenBelongsToBody => true;

    public override IReadOnlyList<ToolCallFormat> OtherForms { get; } =
    [
        new PythonicToolCalls("pythonic", "[", "]"),
        new TaggedJsonToolCalls("python-tag", "<|python_tag|>", null) { Keys = Keys },
    ];

    internal override string GuidedOpen => "{\"name\"";

    public override bool IsIn(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Example().IsMatch(text);
    }

    // An object without parameters is an answer in JSON, not a call.
    public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
    {
        using var document = JsonDocument.Parse(body);
        return ToolCall.HasArguments(document.RootElement) ? [ToolCall.Read(document.RootElement)] : [];
    }

    public override string Write(IReadOnlyList<ToolCall> calls) => string.Join("; ", calls.Select(Keys.Write));

    public override string Prefix(string? function) => Keys.Prefix(function);

    // Without parameters it would be read as an answer.
    internal override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
    {
        var first = CallGrammar.AfterName(functions, Keys.Arguments, alwaysHasArguments: true);
        var further = GrammarElement.Sequence(
            GrammarElement.Literal("; "), GrammarElement.Literal(GuidedOpen), first);
        return several ? GrammarElement.Sequence(first, GrammarElement.Repeat(further, 0)) : first;
    }

    // Words in place of a name; behind a tag it would be that tag's format.
    [GeneratedRegex("""(?<![>\]]\s*)\{"name": [^"{}\n]+, "parameters":""")]
    private static partial Regex Example();
}
