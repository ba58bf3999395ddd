using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Slipway.Evaluation.Divergence;
using Slipway.Evaluation.Perplexity;
using Slipway.Evaluation.Statistics;
using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.Comparison;

/// <summary>Measures a model over a text, window by window, and keeps each window's sums.</summary>
/// <remarks>
/// Tokens of a window go together, so intervals come from drawing whole windows, not tokens.
/// </remarks>
/// <param name="text">The text.</param>
/// <param name="options">How to divide it.</param>
/// <param name="reference">The model to diverge from; null for none.</param>
/// <param name="seed">Chooses the drawn sets of windows.</param>
internal sealed class TextMeasure(string text, PerplexityOptions options, LanguageModel? reference, int seed)
{
    public const string Source = "text";
    public const string Perplexity = "perplexity";
    private const string Tokens = "tokens";
    private const string Nll = "nll";
    private const string Divergence = "divergence";
    private const string Agreeing = "agreeing";

    public async Task<IReadOnlyList<ComparedScore>> MeasureAsync(
        LanguageModel model, JsonObject provenance, string? resultsPath, Action<int, int> report,
        CancellationToken cancellationToken)
    {
        var windows = Cut(model);
        using var results = ResultsFile.Open(resultsPath, Describe(provenance), windows.Count);
        var measured = new TaskAnswer?[windows.Count];
        foreach (var answer in results.Answers)
        {
            measured[answer.Item] = answer;
        }

        for (var index = 0; index < windows.Count; index++)
        {
            if (measured[index] is null)
            {
                var values = reference is null
                    ? await ScoreAsync(model, windows[index], cancellationToken).ConfigureAwait(false)
                    : await CompareAsync(reference, model, windows[index], cancellationToken).ConfigureAwait(false);
                measured[index] = new TaskAnswer(index, "", values);
                results.Add(measured[index]!);
            }

            report(index + 1, windows.Count);
        }

        return Scores([.. measured.Select(window => window!.Values)]);
    }

    private IReadOnlyList<TextWindow> Cut(LanguageModel model)
    {
        var settings = PerplexityOptions.Checked(
            options, Math.Min(model.ContextLength, reference?.ContextLength ?? int.MaxValue));
        var ids = model.Tokenizer.Encode(text, addSpecialTokens: false);
        if (reference is not null && (reference.VocabularySize != model.VocabularySize
            || !reference.Tokenizer.Encode(text, addSpecialTokens: false).AsSpan().SequenceEqual(ids)))
        {
            throw new ArgumentException(
                $"'{model.Package.Path}' and the reference '{reference.Package.Path}' divide the text into different "
                + "tokens, so their predictions cannot be compared. Give packages of the same model, or no reference.",
                nameof(model));
        }

        return TextWindows.Cut(ids, EvaluationText.Prefix(model.Tokenizer), settings);
    }

    private JsonObject Describe(JsonObject provenance)
    {
        var description = (JsonObject)provenance.DeepClone();
        description["text_sha256"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
        description["window"] = options.Window;
        description["windows"] = options.Windows;
        description["stride"] = options.Stride;
        description["reference_sha256"] = reference is null ? null : PackageHash.Of(reference.Package);
        return description;
    }

    private static async Task<Dictionary<string, double>> ScoreAsync(
        LanguageModel model, TextWindow window, CancellationToken cancellationToken)
    {
        var scores = await model.ScoreAsync(window.Ids, cancellationToken).ConfigureAwait(false);
        return new(StringComparer.Ordinal)
        {
            [Tokens] = window.Ids.Length - window.FirstScored,
            [Nll] = -scores.Skip(window.FirstScored - 1).Sum(score => (double)score),
        };
    }

    private static async Task<Dictionary<string, double>> CompareAsync(
        LanguageModel reference, LanguageModel model, TextWindow window, CancellationToken cancellationToken)
    {
        var expected = await reference.ForwardAsync(window.Ids, cancellationToken).ConfigureAwait(false);
        var actual = await model.ForwardAsync(window.Ids, cancellationToken).ConfigureAwait(false);
        TokenDivergence[] positions =
        [
            .. Enumerable.Range(window.FirstScored, window.Ids.Length - window.FirstScored).Select(
                i => TokenDivergence.Of(expected[i - 1], actual[i - 1], window.Ids[i])),
        ];
        return new(StringComparer.Ordinal)
        {
            [Tokens] = positions.Length,
            [Nll] = positions.Sum(position => position.CandidateNll),
            [Divergence] = positions.Sum(position => position.Divergence),
            [Agreeing] = positions.Count(position => position.Agrees),
        };
    }

    private List<ComparedScore> Scores(IReadOnlyList<IReadOnlyDictionary<string, double>> windows)
    {
        List<ComparedScore> scores =
            [new(Source, Perplexity, false, OfSums(Nll, Math.Exp))];
        if (reference is not null)
        {
            scores.Add(new ComparedScore(Source, "kl_divergence", false, OfSums(Divergence, mean => mean)));
            scores.Add(new ComparedScore(Source, "top_agreement", true, OfSums(Agreeing, mean => mean)));
        }

        return scores;

        Estimate OfSums(string name, Func<double, double> ofMean) => Estimate.ByBootstrap(
            windows.Count,
            sample => ofMean(
                sample.Sum(window => windows[window][name]) / sample.Sum(window => windows[window][Tokens])),
            seed);
    }
}
