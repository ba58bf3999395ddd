using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Guidance;

namespace Slipway.Chat;

/// <summary>Grammar of an answer where tools are offered: free text, and calls of those tools only.</summary>
/// <remarks>
/// It reads an answer as <see cref="ChatResponseParser"/> does: a tag inside the reasoning opens no call.
/// </remarks>
internal sealed class ToolCallGrammar
{
    private readonly ToolCallFormat _format;
    private readonly ReasoningFormat? _reasoning;
    private readonly IReadOnlyList<OfferedFunction> _functions;
    private readonly bool _several;
    private readonly bool _startsInReasoning;
    private readonly bool _callsOnly;

    private ToolCallGrammar(
        ToolCallFormat format,
        ReasoningFormat? reasoning,
        IReadOnlyList<OfferedFunction> functions,
        bool several,
        bool startsInReasoning,
        bool callsOnly)
    {
        (_format, _reasoning, _functions, _several, _startsInReasoning, _callsOnly) =
            (format, reasoning, functions, several, startsInReasoning && reasoning is not null, callsOnly);
        var key = new StringBuilder(
            $"{format.Name}\n{reasoning?.Name}\n{several}\n{_startsInReasoning}\n{callsOnly}");
        foreach (var function in functions)
        {
            var schema = function.Schema.ValueKind == JsonValueKind.Undefined ? "" : function.Schema.GetRawText();
            key.Append('\n').Append(function.Name.Length).Append(' ').Append(function.Name)
                .Append(schema.Length).Append(' ').Append(schema);
        }

        Key = key.ToString();
    }

    /// <summary>Equal for equal grammars.</summary>
    public string Key { get; }

    /// <summary>Grammar behind the tag that opens a call, to the end of the answer.</summary>
    public GrammarElement FromBody => Build().Call;

    /// <summary>Reads the tools of a request; null where their format holds calls to nothing.</summary>
    public static ToolCallGrammar? From(
        ChatOptions options, ToolCallFormat format, ReasoningFormat? reasoning, bool startsInReasoning)
    {
        var functions = OfferedFunction.From(options);
        var several = options.AllowMultipleToolCalls != false;
        return format.Body(functions, several) is null
            ? null
            : new(
                format, reasoning, functions, several, startsInReasoning,
                format.TextStart is not null
                    && (options.ToolMode is RequiredChatToolMode || options.ResponseFormat is ChatResponseFormatJson));
    }

    /// <summary>Holds a whole answer to the grammar.</summary>
    /// <param name="prefix">What of it the prompt holds already.</param>
    public ResponseGuidance ToGuidance(string prefix)
        => new($"tools\n{Key}", FromStart, After: null) { Prefix = prefix };

    private GrammarElement FromStart()
    {
        var (start, reasoning, _) = Build();
        return _startsInReasoning ? reasoning! : start;
    }

    private (GrammarElement Start, GrammarElement? Reasoning, GrammarElement Call) Build()
    {
        var text = new RuleElement();
        var body = _callsOnly ? _format.CallBody(_functions, _several) : _format.Body(_functions, _several);
        var call = GrammarElement.Sequence(body!, _several ? text : GrammarElement.Empty);
        List<(string, GrammarElement?)> tags = [];
        GrammarElement? reasoning = null;
        if (_reasoning is not null)
        {
            reasoning = TextElement.Free((_reasoning.Close, text));
            tags.Add((_reasoning.Open, reasoning));
        }

        if (_format.OnlyAtStart)
        {
            text.Definition = TextElement.Free([.. tags]);
            return (AtStart(call, text), reasoning, call);
        }

        tags.Add((_format.GuidedOpen, call));
        text.Definition = TextElement.Free([.. tags]);
        return (text, reasoning, call);
    }

    // The tag after nothing but white space, or a text that does not begin so.
    private GrammarElement AtStart(GrammarElement call, GrammarElement text)
    {
        const string Space = " \t\r\n";
        var open = _format.GuidedOpen;
        List<GrammarElement> choices = [GrammarElement.Sequence(GrammarElement.Literal(open), call)];
        for (var length = 0; length < open.Length; length++)
        {
            var others = Enumerable.Range(0, 256).Select(value => (byte)value)
                .Where(value => value != open[length] && (length > 0 || !Space.Contains((char)value)));
            choices.Add(GrammarElement.Sequence(
                GrammarElement.Literal(open[..length]),
                GrammarElement.Optional(GrammarElement.Sequence(new BytesElement(others, isFree: true), text))));
        }

        return GrammarElement.Sequence(
            GrammarElement.Repeat(GrammarElement.AnyOf(Space), 0),
            GrammarElement.OneOf(choices));
    }
}
