namespace Slipway.Training.Corpus;

/// <summary>Holds the ways to say one thing, each in at most one split.</summary>
internal sealed class Wordings
{
    private readonly string[][] _training;
    private readonly string[][] _heldOut;

    /// <summary>Expands patterns and divides what they stand for.</summary>
    /// <param name="patterns">The patterns; one is drawn first, whatever the number of texts it stands for.</param>
    /// <param name="rule">Divides them; null where every split uses them all.</param>
    /// <param name="max">The most texts of one pattern.</param>
    public Wordings(IReadOnlyList<string> patterns, SplitRule? rule, int max = 4096)
    {
        var expanded = patterns.Select(pattern => (Pattern: pattern, Texts: Pattern.Expand(pattern, max))).ToList();
        _training = Part(CorpusSplit.Training);
        _heldOut = rule is null ? _training : Part(CorpusSplit.HeldOut);

        string[][] Part(CorpusSplit split) =>
            [.. expanded
                .Select(one => one.Texts
                    .Where(text => rule is null || rule.Has(split, one.Pattern, text))
                    .ToArray())
                .Where(texts => texts.Length > 0)];
    }

    private Wordings(string[][] training, string[][] heldOut) => (_training, _heldOut) = (training, heldOut);

    /// <summary>Every wording of a split.</summary>
    public IEnumerable<string> All(CorpusSplit split) => Of(split).SelectMany(texts => texts);

    /// <summary>Tells whether the split has no wording.</summary>
    public bool IsEmpty(CorpusSplit split) => Of(split).Length == 0;

    /// <summary>Joins the patterns of two, each in the split that it has.</summary>
    public Wordings With(Wordings others) =>
        new([.. _training, .. others._training], [.. _heldOut, .. others._heldOut]);

    /// <summary>Draws a wording; its slots are still open.</summary>
    public string Draw(SeededRandom random, CorpusSplit split) => random.Pick(random.Pick(Of(split)));

    private string[][] Of(CorpusSplit split) => split == CorpusSplit.Training ? _training : _heldOut;
}
