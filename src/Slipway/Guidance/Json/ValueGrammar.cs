using Slipway.Guidance.Characters;
using Slipway.Guidance.Json.Values;

namespace Slipway.Guidance.Json;

/// <summary>Turns sets of values into grammars of how they are written.</summary>
internal sealed class ValueGrammar(
    SchemaReader reader, JsonGrammar json, JsonCharacterForm form, JsonLiterals literals, bool closesObjects)
{
    private const int MaxRules = 5_000;

    private readonly Dictionary<string, RuleElement> _rules = new(StringComparer.Ordinal);
    private readonly Queue<(Formula Formula, RuleElement Rule)> _open = [];

    /// <summary>Grammar that no text satisfies.</summary>
    public static GrammarElement Nothing { get; } = new BytesElement([]);

    public SchemaReader Reader => reader;

    public JsonGrammar Json => json;

    public JsonLiterals Literals => literals;

    public bool ClosesObjects => closesObjects;

    /// <summary>Builds the grammar of a formula and of all that it needs.</summary>
    public GrammarElement Build(Formula formula)
    {
        var root = Of(formula);
        while (_open.TryDequeue(out var next))
        {
            try
            {
                next.Rule.Definition = Of(reader.Read(next.Formula));
            }
            catch (UnguaranteedException e)
            {
                throw SchemaReader.Refused(e.Part, reader.Nodes[next.Formula.Literals[0].Node].Path);
            }
        }

        return root;
    }

    /// <summary>The values of a formula; built later, so that a schema may contain itself.</summary>
    public GrammarElement Of(Formula formula)
    {
        if (formula.IsTrue || formula.IsFalse)
        {
            return formula.IsTrue ? json.Any : Nothing;
        }

        if (!_rules.TryGetValue(formula.Key, out var rule))
        {
            if (_rules.Count == MaxRules)
            {
                throw new NotSupportedException(
                    $"The JSON schema makes more than {MaxRules} different parts once its choices are combined. Make "
                    + "it simpler, and check the rest in your code.");
            }

            _rules[formula.Key] = rule = new();
            _open.Enqueue((formula, rule));
        }

        return rule;
    }

    /// <summary>Texts with their quotes.</summary>
    public GrammarElement Of(TextRange range)
        => range.IsEmpty ? Nothing
            : range.Automaton.IsAll ? json.TextOf(range.Min, range.Max)
            : new PatternLanguage(range.Automaton, range.Min, range.Max) is { IsEmpty: false } language
                ? GrammarElement.Sequence(GrammarElement.Literal("\""), PatternElement.Of(language, form))
            : Nothing;

    private GrammarElement Of(ValueSet set)
    {
        if (ReferenceEquals(set, ValueSet.All))
        {
            return json.Any;
        }

        var choices = new List<GrammarElement>();
        if (set.Null)
        {
            choices.Add(JsonGrammar.Null);
        }

        if (set.True)
        {
            choices.Add(GrammarElement.Literal("true"));
        }

        if (set.False)
        {
            choices.Add(GrammarElement.Literal("false"));
        }

        choices.AddRange(set.Numbers.Select(Of));
        choices.AddRange(set.Texts.Select(Of));
        choices.AddRange(
            set.Arrays.Select(shape => shape.IsAll ? json.AnyArray : new ArrayGrammar(shape, this).Build()));
        choices.AddRange(
            set.Objects.Select(shape => shape.IsAll ? json.AnyObject : new ObjectGrammar(shape, this).Build()));
        return choices.Count == 0 ? Nothing : GrammarElement.OneOf(choices);
    }

    private static GrammarElement Of(NumberRange range)
        => range.IsAll ? JsonNumbers.Number
            : range.IsIntegers ? JsonNumbers.Integer
            : NumberElement.Of(range) ?? Nothing;
}
