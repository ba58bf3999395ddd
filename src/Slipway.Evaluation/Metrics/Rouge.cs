namespace Slipway.Evaluation.Metrics;

/// <summary>Scores summaries by what they have in common with a reference.</summary>
/// <remarks>
/// C.-Y. Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, as the package rouge-score computes it:
/// text in lower case is split at everything but ASCII letters and digits; with stemming, words of more than three
/// characters are reduced by Porter's algorithm. An empty text scores 0. Thread-safe.
/// </remarks>
public static class Rouge
{
    private const int ShortWord = 3;

    /// <summary>Computes the customary scores.</summary>
    /// <param name="prediction">The text to score.</param>
    /// <param name="reference">The text that is right; lines are its sentences for ROUGE-Lsum.</param>
    /// <param name="stem">Whether words are compared by their stems.</param>
    public static RougeScores Score(string prediction, string reference, bool stem = false)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        ArgumentNullException.ThrowIfNull(reference);
        string[] predicted = Words(prediction, stem), expected = Words(reference, stem);
        return new RougeScores(
            Overlap(predicted, expected, 1),
            Overlap(predicted, expected, 2),
            LongestSubsequence(predicted, expected),
            SummaryLevel(Lines(prediction, stem), Lines(reference, stem)));
    }

    /// <summary>Computes the customary scores over several references: of each the one with the best F1.</summary>
    /// <param name="prediction">The text to score.</param>
    /// <param name="references">Texts that are right; at least one.</param>
    /// <param name="stem">Whether words are compared by their stems.</param>
    /// <exception cref="ArgumentException">There is no reference.</exception>
    public static RougeScores Score(string prediction, IReadOnlyList<string> references, bool stem = false)
    {
        RougeScores[] scores = [.. References.Checked(references).Select(one => Score(prediction, one, stem))];
        return new RougeScores(
            Best(score => score.Rouge1), Best(score => score.Rouge2), Best(score => score.RougeL),
            Best(score => score.RougeLsum));

        RougeScore Best(Func<RougeScores, RougeScore> part) => scores.Select(part).MaxBy(score => score.F1);
    }

    /// <summary>Computes ROUGE-N: the overlap of runs of <paramref name="length"/> words.</summary>
    /// <param name="prediction">The text to score.</param>
    /// <param name="reference">The text that is right.</param>
    /// <param name="length">Words of a run, 1 or more.</param>
    /// <param name="stem">Whether words are compared by their stems.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is not positive.</exception>
    public static RougeScore NGram(string prediction, string reference, int length, bool stem = false)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        return Overlap(Words(prediction, stem), Words(reference, stem), length);
    }

    private static RougeScore Overlap(string[] prediction, string[] reference, int length)
    {
        Dictionary<string, int> predicted = NGrams.Count(prediction, length),
            expected = NGrams.Count(reference, length);
        double common = NGrams.Overlap(predicted, expected);
        return new RougeScore(
            common / Math.Max(1, predicted.Values.Sum()), common / Math.Max(1, expected.Values.Sum()));
    }

    private static RougeScore LongestSubsequence(string[] prediction, string[] reference)
        => prediction.Length == 0 || reference.Length == 0
            ? default
            : Of(SubsequenceTable(reference, prediction)[reference.Length, prediction.Length], prediction.Length,
                reference.Length);

    // Each word counts as often as both texts have it, however many pairs of lines it is common to.
    private static RougeScore SummaryLevel(string[][] prediction, string[][] reference)
    {
        int predicted = prediction.Sum(line => line.Length), expected = reference.Sum(line => line.Length);
        if (predicted == 0 || expected == 0)
        {
            return default;
        }

        Dictionary<string, int> leftInPrediction = NGrams.Count([.. prediction.SelectMany(line => line)], 1),
            leftInReference = NGrams.Count([.. reference.SelectMany(line => line)], 1);
        var hits = 0;
        foreach (var line in reference)
        {
            foreach (var index in prediction.SelectMany(other => CommonIndices(line, other)).Distinct().Order())
            {
                var word = line[index];
                if (leftInPrediction.GetValueOrDefault(word) > 0 && leftInReference[word] > 0)
                {
                    hits++;
                    leftInPrediction[word]--;
                    leftInReference[word]--;
                }
            }
        }

        return Of(hits, predicted, expected);
    }

    private static RougeScore Of(int hits, int predicted, int expected)
        => new((double)hits / predicted, (double)hits / expected);

    // [reference + 1, prediction + 1]: the length of the longest common subsequence of each pair of beginnings.
    private static int[,] SubsequenceTable(string[] reference, string[] prediction)
    {
        var table = new int[reference.Length + 1, prediction.Length + 1];
        for (var i = 1; i <= reference.Length; i++)
        {
            for (var j = 1; j <= prediction.Length; j++)
            {
                table[i, j] = reference[i - 1] == prediction[j - 1]
                    ? table[i - 1, j - 1] + 1
                    : Math.Max(table[i - 1, j], table[i, j - 1]);
            }
        }

        return table;
    }

    // Of several subsequences of the same length the reference implementation's choice, on which unions depend.
    private static IEnumerable<int> CommonIndices(string[] reference, string[] prediction)
    {
        var table = SubsequenceTable(reference, prediction);
        var (i, j) = (reference.Length, prediction.Length);
        while (i > 0 && j > 0)
        {
            if (reference[i - 1] == prediction[j - 1])
            {
                yield return i - 1;
                (i, j) = (i - 1, j - 1);
            }
            else if (table[i, j - 1] > table[i - 1, j])
            {
                j--;
            }
            else
            {
                i--;
            }
        }
    }

    private static string[][] Lines(string text, bool stem)
        => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => Words(line, stem))];

    private static string[] Words(string text, bool stem)
    {
        var letters = PythonText.Lower(text).Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : ' ');
        var words = string.Concat(letters).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return stem ? [.. words.Select(word => word.Length > ShortWord ? PorterStemmer.Stem(word) : word)] : words;
    }
}
