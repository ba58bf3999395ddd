using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Slipway.Guidance;

namespace Slipway;

/// <summary>Says what a whole answer may be; token masks hold the model to it.</summary>
/// <remarks>
/// Immutable and safe for concurrent use. Compiled where it is made, so what cannot be followed is told there; a model
/// keeps what it worked out for a grammar and takes it up again for an equal one. Answers may still end early where
/// <see cref="GenerationRequest.MaxOutputTokens"/> or a stop sequence cuts them.
/// </remarks>
public sealed class GuidanceGrammar : IEquatable<GuidanceGrammar>
{
    private GuidanceGrammar(string kind, string source)
    {
        (Kind, Source, Element) = (kind, source, GuidanceKinds.All[kind](source));
        _ = new GrammarAutomaton(Element);
    }

    /// <summary>
    /// The form that the grammar was given in: <c>regex</c>, <c>choice</c>, <c>gbnf</c> or <c>json_schema</c>.
    /// </summary>
    public string Kind { get; }

    /// <summary>Text that the grammar was made of.</summary>
    public string Source { get; }

    internal GrammarElement Element { get; }

    internal string Key => $"{Kind}\n{Source}";

    /// <summary>Holds the answer to a regular expression, which all of it matches.</summary>
    /// <remarks>
    /// ECMAScript's form in its Unicode mode; <c>^</c> and <c>$</c> may be left out. Compiled to a finite automaton, so
    /// no pattern is slow to match.
    /// </remarks>
    /// <param name="pattern">The expression, at most 10,000 characters.</param>
    /// <exception cref="NotSupportedException">
    /// It has look-around, back-references, word boundaries, atomic groups, possessive quantifiers or inline options,
    /// or it is too large.
    /// </exception>
    /// <exception cref="ArgumentException">It is malformed, or nothing matches it.</exception>
    public static GuidanceGrammar Regex([StringSyntax(StringSyntaxAttribute.Regex)] string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return new("regex", pattern);
    }

    /// <summary>Holds the answer to one of several texts.</summary>
    /// <param name="choices">The texts; at least one, none empty.</param>
    /// <exception cref="ArgumentException">There is none, or an empty one.</exception>
    /// <exception cref="NotSupportedException">They are too many.</exception>
    public static GuidanceGrammar Choice(params IReadOnlyList<string> choices)
    {
        ArgumentNullException.ThrowIfNull(choices);
        return new("choice", ChoiceGrammar.ToSource(choices));
    }

    /// <summary>Holds the answer to a context-free grammar in llama.cpp's form, whose rule <c>root</c> it is.</summary>
    /// <param name="grammar">The grammar.</param>
    /// <exception cref="NotSupportedException">A rule begins with itself, or the grammar is too large.</exception>
    /// <exception cref="ArgumentException">It is malformed, or no text satisfies it.</exception>
    public static GuidanceGrammar Gbnf(string grammar)
    {
        ArgumentNullException.ThrowIfNull(grammar);
        return new("gbnf", grammar);
    }

    /// <summary>Holds the answer to a JSON document that satisfies a schema.</summary>
    /// <remarks>
    /// JSON Schema 2020-12. Members come in the schema's order, those that it does not name after them.
    /// </remarks>
    /// <param name="schema">The schema.</param>
    /// <exception cref="NotSupportedException">A keyword cannot be guaranteed; the message names it.</exception>
    /// <exception cref="ArgumentException">The schema is malformed, or nothing satisfies it.</exception>
    public static GuidanceGrammar JsonSchema(JsonElement schema)
        => schema.ValueKind != JsonValueKind.Undefined
            ? new("json_schema", schema.GetRawText())
            : throw new ArgumentException(
                "The JSON schema is an undefined JsonElement; expected a schema.", nameof(schema));

    /// <inheritdoc cref="JsonSchema(JsonElement)"/>
    public static GuidanceGrammar JsonSchema([StringSyntax(StringSyntaxAttribute.Json)] string schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return new("json_schema", schema);
    }

    /// <summary>Tells whether another grammar is of the same form and source.</summary>
    public bool Equals(GuidanceGrammar? other) => other is not null && Kind == other.Kind && Source == other.Source;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as GuidanceGrammar);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, Source);
}
