using Slipway.Guidance.Json.Values;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Guidance.Json;

/// <summary>Builds the rest of arrays without equal items, where items are of a short list of values.</summary>
internal sealed class UniqueItems(ArrayShape shape, ValueGrammar values)
{
    private const int MaxValues = 10;

    private readonly Dictionary<int, RuleElement> _tails = [];
    private readonly Dictionary<Formula, HashSet<string>> _texts = [];
    private readonly List<string> _all = [];

    /// <exception cref="UnguaranteedException">Items may be of too many values.</exception>
    public GrammarElement Build()
    {
        if (shape.Contains.Count > 0)
        {
            throw new UnguaranteedException("'contains' beside 'uniqueItems'");
        }

        foreach (var item in shape.Prefix.Append(shape.Rest).Distinct())
        {
            _texts[item] = [.. FiniteValues.Of(values.Reader.Read(item), values.Literals, MaxValues)
                ?? throw TooMany()];
            _all.AddRange(_texts[item].Except(_all));
        }

        return _all.Count <= MaxValues ? Tail(0) : throw TooMany();
    }

    // What may follow where some values, a bit for each, have come.
    private RuleElement Tail(int used)
    {
        if (_tails.TryGetValue(used, out var tail))
        {
            return tail;
        }

        _tails[used] = tail = new();
        var index = int.PopCount(used);
        var choices = new List<GrammarElement>();
        if (index >= shape.Min)
        {
            choices.Add(ArrayGrammar.End(index));
        }

        for (var i = 0; i < _all.Count && (shape.Max is null || index < shape.Max); i++)
        {
            if ((used & (1 << i)) == 0 && _texts[shape.At(index)].Contains(_all[i]))
            {
                choices.Add(Sequence(ArrayGrammar.Before(index), Literal(_all[i]), Tail(used | (1 << i))));
            }
        }

        tail.Definition = choices.Count == 0 ? ValueGrammar.Nothing : OneOf(choices);
        return tail;
    }

    private static UnguaranteedException TooMany()
        => new($"'uniqueItems' of items that may have more than {MaxValues} values");
}
