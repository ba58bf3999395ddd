using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using Slipway.Guidance.Json;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Chat;

/// <summary>
/// A message to a function in the commentary channel, <c>to=functions.name … &lt;|message|&gt;{…}</c>: gpt-oss.
/// </summary>
/// <remarks>
/// The recipient stands in the channel's part of the header or in the role's; both are read. Source: OpenAI's
/// description of the harmony response format.
/// </remarks>
/// <param name="open">The text before the function's name.</param>
/// <param name="onlyAtStart">Whether it stands at the start of an answer, whose role the prompt has written.</param>
/// <param name="otherForms">The forms that are read too.</param>
internal sealed class HarmonyToolCalls(string open, bool onlyAtStart, params ToolCallFormat[] otherForms)
    : ToolCallFormat
{
    private const string Message = "<|message|>";
    private const string NameEnd = $" <|constrain|>json{Message}";

    // Something has to end the name.
    private static readonly string[] NameEnds = [NameEnd, NameEnd[1..], $" json{Message}", Message];

    /// <summary>The format with all of its forms.</summary>
    public static HarmonyToolCalls Format { get; } = new(
        "<|channel|>commentary to=functions.", onlyAtStart: false,
        new HarmonyToolCalls("<|channel|>analysis to=functions.", onlyAtStart: false),
        new HarmonyToolCalls("<|start|>assistant to=functions.", onlyAtStart: false),
        new HarmonyToolCalls(" to=functions.", onlyAtStart: true));

    public override string Name => "harmony";

    public override string Open => open;

    public override string Close => "<|call|>";

    public override bool OnlyAtStart => onlyAtStart;

    public override IReadOnlyList<string> FurtherTags =>
        ["<|channel|>", Message, "<|constrain|>", "<|start|>", "<|end|>", "<|return|>", Close];

    public override IReadOnlyList<string> Markup => ["<|start|>assistant"];

    public override IReadOnlyList<ToolCallFormat> OtherForms => otherForms;

    public override IReadOnlyList<ToolCall> Parse(string body, IReadOnlyList<AIFunctionDeclaration> functions)
    {
        var name = GuessName(body);
        var message = body.IndexOf(Message, StringComparison.Ordinal);
        if (name.Length == 0 || message < 0)
        {
            throw new JsonException($"A call must be a function's name and '{Message}{{…}}'.");
        }

        var arguments = body[(message + Message.Length)..];
        return [new(name, string.IsNullOrWhiteSpace(arguments) ? [] : ToolCall.ReadArguments(arguments))];
    }

    public override string GuessName(string body)
    {
        var end = body.AsSpan().IndexOfAny(' ', '<');
        return end < 0 ? "" : NameOrEmpty(body[..end]);
    }

    public override string Write(IReadOnlyList<ToolCall> calls)
        => string.Join(
            "<|start|>assistant", calls.Select(call => $"{open}{call.Name}{NameEnd}{call.WriteArguments()}{Close}"));

    public override string Prefix(string? function) => function is null ? open : $"{open}{function}{NameEnd}";

    internal override GrammarElement Body(IReadOnlyList<OfferedFunction> functions, bool several)
        => Sequence(
            OneOf([.. functions.Select(function => Sequence(
                Literal(function.Name), OneOf([.. NameEnds.Select(Literal)]), JsonGrammar.Space,
                function.Arguments))]),
            Literal(Close));
}
