using System.Text.RegularExpressions;

namespace Slipway.Evaluation.Metrics;

/// <summary>Scores short answers to questions.</summary>
/// <remarks>
/// P. Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text", 2016, as the evaluation script
/// of SQuAD 2.0 does: answers are compared in lower case without ASCII punctuation, the articles <c>a</c>, <c>an</c>
/// and
/// <c>the</c>, and superfluous white space; an empty answer is right where an empty one is expected. Of several right
/// answers the best match counts. Thread-safe.
/// </remarks>
public static partial class QuestionAnswers
{
    /// <summary>Tells whether an answer equals a right one, 1 or 0.</summary>
    /// <param name="prediction">The answer to score.</param>
    /// <param name="answers">Right answers; at least one.</param>
    /// <exception cref="ArgumentException">There is no right answer.</exception>
    public static double ExactMatch(string prediction, IReadOnlyList<string> answers)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        var normalized = Normalize(prediction);
        return References.Checked(answers).Any(answer => Normalize(answer) == normalized) ? 1 : 0;
    }

    /// <summary>Computes the harmonic mean of precision and recall of the words, 0 to 1.</summary>
    /// <param name="prediction">The answer to score.</param>
    /// <param name="answers">Right answers; at least one.</param>
    /// <exception cref="ArgumentException">There is no right answer.</exception>
    public static double F1(string prediction, IReadOnlyList<string> answers)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        var words = PythonText.Split(Normalize(prediction));
        return References.Checked(answers).Max(answer => F1(words, PythonText.Split(Normalize(answer))));
    }

    /// <summary>Gives the form in which answers are compared.</summary>
    /// <param name="answer">The answer.</param>
    public static string Normalize(string answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        var letters = PythonText.Lower(answer).Where(letter => !(char.IsAscii(letter) && IsPunctuation(letter)));
        return string.Join(' ', PythonText.Split(Article().Replace(string.Concat(letters), " ")));
    }

    private static bool IsPunctuation(char letter) => char.IsPunctuation(letter) || char.IsSymbol(letter);

    private static double F1(string[] prediction, string[] answer)
    {
        if (prediction.Length == 0 || answer.Length == 0)
        {
            return prediction.Length == answer.Length ? 1 : 0;
        }

        double common = NGrams.Overlap(NGrams.Count(prediction, 1), NGrams.Count(answer, 1));
        return 2 * common / (prediction.Length + answer.Length);
    }

    // Python's words: letters, numbers and underscores, without the combining marks that .NET counts too.
    [GeneratedRegex(@"(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])")]
    private static partial Regex Article();
}
