namespace Slipway.Training.Corpus.Values;

/// <summary>Draws from several kinds of text, each with its weight.</summary>
internal sealed class MixKind(IReadOnlyList<(ValueKind Kind, int Weight)> kinds) : ValueKind
{
    private readonly int _total = kinds.Sum(kind => kind.Weight);

    public override SlotValue Draw(SeededRandom random, CorpusSplit split)
    {
        var drawn = random.Below(_total);
        var index = 0;
        while (drawn >= kinds[index].Weight)
        {
            drawn -= kinds[index++].Weight;
        }

        return kinds[index].Kind.Draw(random, split);
    }
}
