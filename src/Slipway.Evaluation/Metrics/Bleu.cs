namespace Slipway.Evaluation.Metrics;

/// <summary>Scores translations by the runs of tokens that they share with references.</summary>
/// <remarks>
/// K. Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation", 2002, with the tokens and
/// smoothing of sacreBLEU (M. Post, "A Call for Clarity in Reporting BLEU Scores", 2018). Where a prediction has
/// several references, a run counts as often as the reference that has it most often, and the nearest length is the
/// reference's length, the shorter of two equally near ones. Thread-safe.
/// </remarks>
public static class Bleu
{
    /// <summary>Scores one text; lengths that it does not reach are left out unless the options say
    /// otherwise.</summary>
    /// <param name="prediction">The text to score.</param>
    /// <param name="references">Texts that are right; at least one.</param>
    /// <param name="options">How to score; null for sacreBLEU's defaults.</param>
    /// <exception cref="ArgumentException">There is no reference, or an option is out of range.</exception>
    public static BleuScore Sentence(string prediction, IReadOnlyList<string> references, BleuOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        var settings = options ?? new BleuOptions();
        return Score([prediction], [references], settings, settings.EffectiveOrder ?? true);
    }

    /// <summary>Scores a corpus: matches and lengths are summed before anything is divided.</summary>
    /// <param name="predictions">The texts to score.</param>
    /// <param name="references">For each prediction the texts that are right, at least one.</param>
    /// <param name="options">How to score; null for sacreBLEU's defaults.</param>
    /// <exception cref="ArgumentException">
    /// The lists differ in length or are empty, a prediction has no reference, or an option is out of range.
    /// </exception>
    public static BleuScore Corpus(
        IReadOnlyList<string> predictions,
        IReadOnlyList<IReadOnlyList<string>> references,
        BleuOptions? options = null)
    {
        var settings = options ?? new BleuOptions();
        return Score(predictions, references, settings, settings.EffectiveOrder ?? false);
    }

    /// <summary>Counts what each prediction has in common with its references.</summary>
    internal static IReadOnlyList<BleuCounts> Measure(
        IReadOnlyList<string> predictions, IReadOnlyList<IReadOnlyList<string>> references, BleuOptions options)
    {
        References.CheckPairs(predictions, references);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaxOrder, nameof(options));
        return [.. predictions.Zip(references, (prediction, expected) => Measure(prediction, expected, options))];
    }

    /// <summary>Scores the counts of a corpus.</summary>
    internal static BleuScore Combine(IEnumerable<BleuCounts> counts, BleuOptions options, bool effectiveOrder)
    {
        double[] matches = new double[options.MaxOrder], totals = new double[options.MaxOrder];
        var (predicted, expected) = (0, 0);
        foreach (var one in counts)
        {
            for (var n = 0; n < options.MaxOrder; n++)
            {
                (matches[n], totals[n]) = (matches[n] + one.Matches[n], totals[n] + one.Totals[n]);
            }

            (predicted, expected) = (predicted + one.Predicted, expected + one.Expected);
        }

        return Combine(matches, totals, predicted, expected, options, effectiveOrder);
    }

    private static BleuScore Score(
        IReadOnlyList<string> predictions,
        IReadOnlyList<IReadOnlyList<string>> references,
        BleuOptions options,
        bool effectiveOrder)
        => Combine(Measure(predictions, references, options), options, effectiveOrder);

    private static BleuCounts Measure(string prediction, IReadOnlyList<string> references, BleuOptions options)
    {
        var tokens = BleuTokens.Of(prediction, options);
        string[][] others = [.. References.Checked(references).Select(text => BleuTokens.Of(text, options))];
        int[] matches = new int[options.MaxOrder], totals = new int[options.MaxOrder];
        for (var order = 1; order <= options.MaxOrder; order++)
        {
            var runs = NGrams.Count(tokens, order);
            matches[order - 1] = NGrams.Overlap(runs, MostFrequent(others, order));
            totals[order - 1] = runs.Values.Sum();
        }

        var nearest = others.Select(other => other.Length)
            .MinBy(length => (Math.Abs(length - tokens.Length), length));
        return new BleuCounts(matches, totals, tokens.Length, nearest);
    }

    private static Dictionary<string, int> MostFrequent(string[][] references, int order)
        => references.SelectMany(reference => NGrams.Count(reference, order))
            .GroupBy(run => run.Key, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Max(run => run.Value), StringComparer.Ordinal);

    // brevity · exp(mean of ln p_n)
    private static BleuScore Combine(
        double[] matches, double[] totals, int predicted, int expected, BleuOptions options, bool effectiveOrder)
    {
        var brevity = predicted >= expected ? 1 : predicted == 0 ? 0 : Math.Exp(1 - ((double)expected / predicted));
        var precisions = new double[matches.Length];
        if (matches.All(count => count == 0))
        {
            return new BleuScore(0, precisions, brevity, predicted, expected);
        }

        var (halvings, orders) = (1.0, effectiveOrder ? 0 : matches.Length);
        for (var n = 0; n < matches.Length; n++)
        {
            var added = options.Smoothing == BleuSmoothing.AddK && n > 0 ? options.SmoothingValue ?? 1 : 0;
            var (matched, total) = (matches[n] + added, totals[n] + added);
            if (total == 0)
            {
                break;
            }

            orders = effectiveOrder ? n + 1 : orders;
            precisions[n] = matched > 0 ? matched / total : options.Smoothing switch
            {
                BleuSmoothing.Exponential => 1 / ((halvings *= 2) * total),
                BleuSmoothing.Floor => (options.SmoothingValue ?? 0.1) / total,
                _ => 0,
            };
        }

        var used = precisions.AsSpan(0, orders);
        var score = used.Contains(0) ? 0 : brevity * Math.Exp(used.ToArray().Average(Math.Log));
        return new BleuScore(100 * score, precisions, brevity, predicted, expected);
    }
}

/// <summary>Holds a BLEU score and what it was made of.</summary>
/// <param name="Score">The score, 0 to 100.</param>
/// <param name="Precisions">The share of runs of 1, 2, … tokens that match, smoothed, 0 to 1.</param>
/// <param name="BrevityPenalty">The factor for predictions that are too short, 0 to 1.</param>
/// <param name="PredictedTokens">Tokens of the predictions.</param>
/// <param name="ReferenceTokens">Tokens of the references that are nearest in length.</param>
public sealed record BleuScore(
    double Score,
    IReadOnlyList<double> Precisions,
    double BrevityPenalty,
    int PredictedTokens,
    int ReferenceTokens);

/// <summary>Holds what a prediction has in common with its references.</summary>
/// <param name="Matches">Runs of 1, 2, … tokens that a reference has too.</param>
/// <param name="Totals">Runs of the prediction.</param>
/// <param name="Predicted">Tokens of the prediction.</param>
/// <param name="Expected">Tokens of the reference that is nearest in length.</param>
internal sealed record BleuCounts(int[] Matches, int[] Totals, int Predicted, int Expected);
