using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using Slipway.Guidance.Json;

namespace Slipway.Chat;

/// <summary>Form that an answer must have, where a request's response format or its tools say so.</summary>
/// <param name="Key">Equal for equal grammars, so that what was made for one is used again.</param>
/// <param name="Grammar">The answer's grammar.</param>
/// <param name="After">The text after which the grammar holds; null for from the start.</param>
internal sealed record ResponseGuidance(string Key, Func<GrammarElement> Grammar, string? After)
{
    /// <summary>Part of the grammar's text that the prompt holds already, because it was forced.</summary>
    public string Prefix { get; init; } = "";

    private static readonly GrammarElement Margin = GrammarElement.Repeat(GrammarElement.AnyOf(" \n"), 0, 2);

    /// <summary>Takes a request's own grammar.</summary>
    /// <exception cref="NotSupportedException">The request has tools or another format too.</exception>
    /// <exception cref="ArgumentException">The answer is to run past its end.</exception>
    public static ResponseGuidance From(
        GuidanceGrammar grammar, ChatOptions? options, OnnxChatRequestOptions request, string? after)
    {
        if (options?.Tools is { Count: > 0 } || options?.ResponseFormat is ChatResponseFormatJson)
        {
            throw new NotSupportedException(
                $"The request has Guidance of the form '{grammar.Kind}' beside Tools or a JSON ResponseFormat, and an "
                + "answer can be held to one of them. Leave the others out.");
        }

        if (request.IgnoreEndOfSequence == true)
        {
            throw new ArgumentException(
                "The request has Guidance and 'ignore_eos', but an answer that its grammar completes must end. Leave "
                + "'ignore_eos' unset.",
                nameof(request));
        }

        return new(
            $"{grammar.Key}\n{after}",
            () => after is null ? grammar.Element : GrammarElement.Sequence(Margin, grammar.Element),
            after);
    }

    /// <summary>Reads a response format; null where the answer may be any text.</summary>
    /// <remarks>
    /// Objects have the members that the schema names and no others, unless the schema itself says what others are:
    /// generators of schemas leave that open, and a model would go on inventing members. Stop sequences do not apply to
    /// a document, which ends by its own last bracket.
    /// </remarks>
    /// <param name="options">The request's options.</param>
    /// <param name="request">Its own options.</param>
    /// <param name="tools">How the model writes calls; null where it was offered no tools.</param>
    /// <param name="reasoning">How the model marks reasoning; null where it does not.</param>
    /// <param name="startsInReasoning">Whether the prompt has opened the reasoning.</param>
    /// <param name="calls">The grammar of calls; null where they are held to nothing.</param>
    /// <param name="opened">The text that the prompt ends with, of which a call or a text may go on.</param>
    /// <exception cref="NotSupportedException">The schema cannot be guaranteed.</exception>
    /// <exception cref="ArgumentException">The schema is malformed, or the answer is to run past its end.</exception>
    public static ResponseGuidance? From(
        ChatOptions? options,
        OnnxChatRequestOptions request,
        ToolCallFormat? tools,
        ReasoningFormat? reasoning,
        bool startsInReasoning,
        ToolCallGrammar? calls,
        string? opened)
    {
        if (options?.ResponseFormat is not ChatResponseFormatJson format)
        {
            return null;
        }

        if (request.IgnoreEndOfSequence == true)
        {
            throw new ArgumentException(
                "ChatOptions.ResponseFormat asks for JSON, which 'ignore_eos' would run past. Leave 'ignore_eos' "
                + "unset.",
                nameof(options));
        }

        if (format.Schema is { ValueKind: JsonValueKind.Undefined })
        {
            throw new ArgumentException(
                "ChatOptions.ResponseFormat holds an undefined JsonElement as its schema; expected a schema.",
                nameof(options));
        }

        // A text of the document that looked like a tag would be taken for one.
        string?[] tags = [tools is { OpenBelongsToBody: true } ? null : tools?.Open, reasoning?.Open, reasoning?.Close];
        var forbidden = string.Concat(tags.OfType<string>().Select(tag => tag[0]).Distinct());
        var after = startsInReasoning ? reasoning?.Close : null;
        var opens = startsInReasoning ? null : reasoning;
        return new(
            $"{format.Schema?.GetRawText()}\n{forbidden}\n{tools?.Open}\n{after}\n{opens?.Name}\n{opened}\n"
            + calls?.Key,
            () => Build(format.Schema, forbidden, tools, opens, after is not null, calls, opened),
            after)
        {
            Prefix = opened ?? "",
        };
    }

    // A document or a call, after reasoning that the model opens itself or not.
    private static GrammarElement Build(
        JsonElement? schema,
        string forbidden,
        ToolCallFormat? tools,
        ReasoningFormat? reasoning,
        bool follows,
        ToolCallGrammar? calls,
        string? opened)
    {
        var document = schema is { } given
            ? JsonSchemaCompiler.Compile(given, forbidden, closesObjects: true, isForDotNet: true)
            : new JsonGrammar(forbidden).AnyObject;
        document = opened is null
            ? document : GrammarElement.Sequence(GrammarElement.Literal(opened + tools!.TextStart), document);
        var marginal = GrammarElement.Sequence(Margin, document);

        // An unguided call is text of its own form, checked by its parser.
        var call = tools is null ? null : GrammarElement.Sequence(
            GrammarElement.Literal(tools.GuidedOpen), calls?.FromBody ?? TextElement.Free());
        var answer = WithCall(follows ? marginal : document, call);
        return reasoning is null ? answer : GrammarElement.OneOf(
            answer,
            GrammarElement.Sequence(
                GrammarElement.Literal(reasoning.Open),
                TextElement.Until((reasoning.Close, WithCall(marginal, call)))));
    }

    private static GrammarElement WithCall(GrammarElement document, GrammarElement? call)
        => call is null ? document : GrammarElement.OneOf(document, GrammarElement.Sequence(Margin, call));
}
