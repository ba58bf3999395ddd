namespace Slipway.Evaluation.Metrics;

/// <summary>Scores texts by the runs of characters that they share with references.</summary>
/// <remarks>
/// M. Popović, "chrF: character n-gram F-score for automatic MT evaluation", 2015, as sacreBLEU computes it: precision
/// and recall are averaged over the lengths that both texts reach, then combined. With words beside the characters it
/// is chrF++. Of several references the one with the best score counts. Thread-safe.
/// </remarks>
public static class ChrF
{
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    /// <summary>Scores one text.</summary>
    /// <param name="prediction">The text to score.</param>
    /// <param name="references">Texts that are right; at least one.</param>
    /// <param name="options">How to score; null for sacreBLEU's defaults.</param>
    /// <returns>The score, 0 to 100.</returns>
    /// <exception cref="ArgumentException">There is no reference, or an option is out of range.</exception>
    public static double Sentence(string prediction, IReadOnlyList<string> references, ChrFOptions? options = null)
        => Corpus([prediction], [references], options);

    /// <summary>Scores a corpus: counts are summed before anything is divided.</summary>
    /// <param name="predictions">The texts to score.</param>
    /// <param name="references">For each prediction the texts that are right, at least one.</param>
    /// <param name="options">How to score; null for sacreBLEU's defaults.</param>
    /// <returns>The score, 0 to 100.</returns>
    /// <exception cref="ArgumentException">
    /// The lists differ in length or are empty, a prediction has no reference, or an option is out of range.
    /// </exception>
    public static double Corpus(
        IReadOnlyList<string> predictions,
        IReadOnlyList<IReadOnlyList<string>> references,
        ChrFOptions? options = null)
    {
        var settings = options ?? new ChrFOptions();
        return Combine(Measure(predictions, references, settings), settings);
    }

    /// <summary>Counts what each prediction has in common with its best reference, for each length of runs.</summary>
    internal static IReadOnlyList<ChrFCounts[]> Measure(
        IReadOnlyList<string> predictions, IReadOnlyList<IReadOnlyList<string>> references, ChrFOptions options)
    {
        References.CheckPairs(predictions, references);
        ArgumentOutOfRangeException.ThrowIfNegative(options.CharacterOrder, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.WordOrder, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Beta, nameof(options));
        return
        [
            .. predictions.Zip(references, (prediction, expected) =>
            {
                var runs = Runs(prediction, options);
                return References.Checked(expected)
                    .Select(reference => Compare(runs, Runs(reference, options)))
                    .MaxBy(counts => Score(counts, options.Beta))!;
            }),
        ];
    }

    /// <summary>Scores the counts of a corpus.</summary>
    internal static double Combine(IEnumerable<ChrFCounts[]> counts, ChrFOptions options)
    {
        var sums = new ChrFCounts[options.CharacterOrder + options.WordOrder];
        foreach (var one in counts)
        {
            for (var i = 0; i < sums.Length; i++)
            {
                sums[i] = sums[i].Add(one[i]);
            }
        }

        return 100 * Score(sums, options.Beta);
    }

    private static ChrFCounts[] Compare(Dictionary<string, int>[] predicted, Dictionary<string, int>[] expected)
        => [.. predicted.Zip(expected, (left, right) => new ChrFCounts(
            right.Count > 0 ? left.Values.Sum() : 0, right.Values.Sum(), NGrams.Overlap(left, right)))];

    // (1 + β²) · precision · recall / (β² · precision + recall)
    private static double Score(ChrFCounts[] counts, double beta)
    {
        ChrFCounts[] reached = [.. counts.Where(count => count.Predicted > 0 && count.Expected > 0)];
        if (reached.Length == 0)
        {
            return 0;
        }

        var precision = reached.Average(count => (double)count.Matched / count.Predicted);
        var recall = reached.Average(count => (double)count.Matched / count.Expected);
        return precision + recall == 0
            ? 0
            : (1 + (beta * beta)) * precision * recall / ((beta * beta * precision) + recall);
    }

    // The runs of 1, 2, … characters, then those of words.
    private static Dictionary<string, int>[] Runs(string text, ChrFOptions options)
    {
        var line = options.Lowercase ? PythonText.Lower(text) : text;
        var characters = PythonText.CodePoints(
            options.Whitespace ? line : string.Concat(PythonText.Split(line)));
        var words = options.WordOrder > 0 ? PythonText.Split(line).SelectMany(SplitPunctuation).ToArray() : [];
        return
        [
            .. Enumerable.Range(1, options.CharacterOrder).Select(order => NGrams.Count(characters, order)),
            .. Enumerable.Range(1, options.WordOrder).Select(order => NGrams.Count(words, order)),
        ];
    }

    // One mark, at the end or else at the beginning.
    private static string[] SplitPunctuation(string word)
        => word.Length == 1 ? [word]
            : Punctuation.Contains(word[^1]) ? [word[..^1], word[^1..]]
            : Punctuation.Contains(word[0]) ? [word[..1], word[1..]]
            : [word];
}

/// <summary>Says how <see cref="ChrF"/> divides texts.</summary>
public sealed record ChrFOptions
{
    /// <summary>The longest runs of characters that are counted.</summary>
    /// <value>6</value>
    public int CharacterOrder { get; init; } = 6;

    /// <summary>The longest runs of words that are counted; 2 makes it chrF++.</summary>
    /// <value>0</value>
    public int WordOrder { get; init; }

    /// <summary>The weight of recall over precision.</summary>
    /// <value>2</value>
    public double Beta { get; init; } = 2;

    /// <summary>Tells whether texts are compared in lower case.</summary>
    public bool Lowercase { get; init; }

    /// <summary>Tells whether white space counts as characters.</summary>
    public bool Whitespace { get; init; }
}

/// <summary>Holds what a prediction and a reference have in common, of runs of one length.</summary>
/// <param name="Predicted">Runs of the prediction.</param>
/// <param name="Expected">Runs of the reference.</param>
/// <param name="Matched">Runs that both have.</param>
internal readonly record struct ChrFCounts(int Predicted, int Expected, int Matched)
{
    public ChrFCounts Add(ChrFCounts other)
        => new(Predicted + other.Predicted, Expected + other.Expected, Matched + other.Matched);
}
