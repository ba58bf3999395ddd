using Slipway.Guidance.Characters;
using Slipway.Guidance.Json.Values;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Guidance.Json;

/// <summary>Builds the grammar of objects of a shape: members that it names in its order, then all others.</summary>
internal sealed class ObjectGrammar
{
    private const int MaxTails = 20_000;
    private const int MaxKinds = 64;

    private readonly ObjectShape _shape;
    private readonly ValueGrammar _values;
    private readonly TextRange[] _names; // what names may be
    private readonly List<(GrammarElement Member, bool IsRequired)> _named = [];
    private readonly Dictionary<(int Index, int Count), GrammarElement> _tails = [];
    private readonly Queue<(int Index, int Count, RuleElement Tail)> _open = [];
    private readonly int _maxCount; // members above this count are not told apart
    private GrammarElement? _other;

    public ObjectGrammar(ObjectShape shape, ValueGrammar values)
    {
        (_shape, _values) = (shape, values);
        _maxCount = shape.Max is { } max ? max : Math.Max(shape.Min, 1);
        _names = shape.Names.IsTrue ? [TextRange.All] : [.. values.Reader.Read(shape.Names).Texts];
    }

    public GrammarElement Build()
    {
        var names = _shape.Layers.SelectMany(layer => layer.Properties.Keys).Concat(_shape.Required).Distinct()
            .ToArray();
        var required = _shape.Required.ToHashSet(StringComparer.Ordinal);
        foreach (var name in names)
        {
            var value = Array.Exists(_names, range => range.Contains(name))
                ? _shape.Layers.Aggregate(Formula.True, (all, layer) => all.And(layer.ValueOf(name)))
                : Formula.False;
            var isRequired = required.Contains(name);
            if (isRequired || !value.IsFalse)
            {
                _named.Add((Member(Literal(_values.Literals.Write(name)), value), isRequired));
            }
        }

        var others = IsClosed(names) ? [] : Others(names).ToList();
        _other = others.Count == 0 ? null : OneOf(others);
        if (_other is not null && _shape.Min > _shape.Required.Count + 1)
        {
            // A name could come twice and count for two.
            throw new UnguaranteedException($"'minProperties' of {_shape.Min} beside members of any name");
        }

        var start = Tail(0, 0);
        while (_open.TryDequeue(out var open))
        {
            Define(open.Index, open.Count, open.Tail);
        }

        return Sequence(Literal("{"), start);
    }

    private static GrammarElement Before(int count) => count == 0 ? JsonGrammar.Break : JsonGrammar.Comma;

    private static GrammarElement End(int count)
        => count == 0 ? Literal("}") : Sequence(JsonGrammar.Break, Literal("}"));

    private static GrammarElement Member(GrammarElement name, GrammarElement value)
        => Sequence(name, JsonGrammar.Colon, value);

    private GrammarElement Member(GrammarElement name, Formula value) => Member(name, _values.Of(value));

    private bool IsClosed(string[] names)
        => _values.ClosesObjects && names.Length > 0
            && _shape.Layers.TrueForAll(layer => !layer.SaysOthers && layer.Patterns.Count == 0);

    // What may follow where the members before an index have come or not; defined once its turn comes, so that a long
    // list of members is no deep recursion.
    private GrammarElement Tail(int index, int count)
    {
        if (_tails.TryGetValue((index, count), out var known))
        {
            return known;
        }

        if (_tails.Count == MaxTails)
        {
            throw new UnguaranteedException("'minProperties' or 'maxProperties' of such a size");
        }

        if (index == _named.Count)
        {
            return _tails[(index, count)] = Last(count);
        }

        var tail = new RuleElement();
        _tails[(index, count)] = tail;
        _open.Enqueue((index, count, tail));
        return tail;
    }

    private void Define(int index, int count, RuleElement tail)
    {
        var choices = new List<GrammarElement>();
        var (member, isRequired) = _named[index];
        if (_shape.Max is null || count < _shape.Max)
        {
            choices.Add(Sequence(Before(count), member, Tail(index + 1, Math.Min(count + 1, _maxCount))));
        }

        if (!isRequired)
        {
            choices.Add(Tail(index + 1, count));
        }

        tail.Definition = choices.Count == 0 ? ValueGrammar.Nothing : OneOf(choices);
    }

    private GrammarElement Last(int count)
    {
        var end = count >= _shape.Min ? End(count) : ValueGrammar.Nothing;
        if (_other is null || count == _shape.Max)
        {
            return end;
        }

        var further = Repeat(Sequence(JsonGrammar.Comma, _other), 0, _shape.Max - count - 1);
        var others = count + 1 >= _shape.Min ? Sequence(Before(count), _other, further, End(1)) : ValueGrammar.Nothing;
        return OneOf(end, others);
    }

    // Members of other names: one kind for each way in which a name can match the patterns.
    private IEnumerable<GrammarElement> Others(string[] names)
    {
        var unnamed = names.Length == 0 ? CharacterAutomaton.All : CharacterAutomaton.Of(names).Complement();
        var kinds = _names.Select(range => (Names: range.Intersect(new(unnamed)), Matches: new HashSet<string>()))
            .Where(kind => !kind.Names.IsEmpty).ToList();
        foreach (var (pattern, matching) in _shape.Layers.SelectMany(layer => layer.Patterns)
            .DistinctBy(row => row.Pattern).Select(row => (row.Pattern, new TextRange(row.Names))))
        {
            var others = new TextRange(matching.Automaton.Complement());
            kinds = [.. kinds.SelectMany(kind => new[]
            {
                (Names: kind.Names.Intersect(matching), Matches: new HashSet<string>([.. kind.Matches, pattern])),
                (Names: kind.Names.Intersect(others), kind.Matches),
            }).Where(kind => !kind.Names.IsEmpty)];
            if (kinds.Count > MaxKinds)
            {
                throw new UnguaranteedException("so many overlapping 'patternProperties'");
            }
        }

        foreach (var (range, matches) in kinds)
        {
            var value = _shape.Layers.Aggregate(Formula.True, (all, layer) => all.And(ValueOf(layer, matches)));
            if (!value.IsFalse)
            {
                yield return Member(_values.Of(range), value);
            }
        }
    }

    private static Formula ValueOf(MemberLayer layer, HashSet<string> matches) => layer.ValueOf(matches);
}
