namespace Slipway.Training.Corpus.Values;

/// <summary>Draws from a list; unless the list is shared, each split has its own part of it.</summary>
/// <remarks>
/// A list is short enough to be learnt by heart, and then names that it lacks are not copied. So training draws some
/// names from a <see cref="NamePool"/> instead.
/// </remarks>
internal sealed class WordsKind : ValueKind
{
    private readonly string[] _training;
    private readonly string[] _heldOut;
    private readonly bool _proper;
    private readonly NamePool? _pool;
    private readonly double _pooled;

    /// <summary>Divides the words.</summary>
    /// <param name="words">The list.</param>
    /// <param name="shared">Whether both splits draw from the whole list.</param>
    /// <param name="proper">Whether the names get capital letters now and then.</param>
    /// <param name="rule">Divides the words.</param>
    /// <param name="pool">Gets the training words, and gives other names; null for the list's own alone.</param>
    /// <param name="pooled">The share of training's names that come from the pool.</param>
    public WordsKind(
        IReadOnlyList<string> words, bool shared, bool proper, SplitRule rule, NamePool? pool = null, double pooled = 0)
    {
        (_proper, IsShared) = (proper, shared);
        _training = [.. words.Where(word => shared || rule.OfName(word) == CorpusSplit.Training)];
        _heldOut = [.. words.Where(word => shared || rule.OfName(word) == CorpusSplit.HeldOut)];
        if (_training.Length == 0 || _heldOut.Length == 0)
        {
            throw new FormatException("has too few words for both splits; add words or set 'shared'");
        }

        if (!shared && pool is not null)
        {
            pool.Add(_training);
            (_pool, _pooled) = (pool, pooled);
        }
    }

    /// <summary>Tells whether both splits draw from the whole list.</summary>
    public bool IsShared { get; }

    public override SlotValue Draw(SeededRandom random, CorpusSplit split)
    {
        var name = split == CorpusSplit.HeldOut ? random.Pick(_heldOut)
            : _pool is not null && random.Chance(_pooled) ? _pool.Draw(random)
            : random.Pick(_training);
        return new TextValue(Capitalize(name, _proper, random));
    }
}
