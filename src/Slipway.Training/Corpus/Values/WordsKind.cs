namespace Slipway.Training.Corpus.Values;

/// <summary>Draws from a list; unless the list is shared, each split has its own part of it.</summary>
internal sealed class WordsKind : ValueKind
{
    private readonly string[] _training;
    private readonly string[] _heldOut;
    private readonly bool _proper;

    public WordsKind(IReadOnlyList<string> words, bool shared, bool proper, SplitRule rule)
    {
        (_proper, IsShared) = (proper, shared);
        _training = [.. words.Where(word => shared || rule.OfName(word) == CorpusSplit.Training)];
        _heldOut = [.. words.Where(word => shared || rule.OfName(word) == CorpusSplit.HeldOut)];
        if (_training.Length == 0 || _heldOut.Length == 0)
        {
            throw new FormatException("has too few words for both splits; add words or set 'shared'");
        }
    }

    /// <summary>Whether both splits draw from the whole list.</summary>
    public bool IsShared { get; }

    public override SlotValue Draw(SeededRandom random, CorpusSplit split) =>
        new TextValue(Capitalize(random.Pick(split == CorpusSplit.Training ? _training : _heldOut), _proper, random));
}
