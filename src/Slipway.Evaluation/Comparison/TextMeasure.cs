using Slipway.Evaluation.Divergence;
using Slipway.Evaluation.Perplexity;
using Slipway.Evaluation.Statistics;

namespace Slipway.Evaluation.Comparison;

/// <summary>Measures a model over a text, with intervals over its windows.</summary>
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

    /// <summary>Measures a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="resultsPath">A file for the windows, as they come; null for none.</param>
    /// <param name="report">Told after each window: those done, and all of them.</param>
    /// <param name="cancellationToken">Stops the measurement.</param>
    public async Task<IReadOnlyList<ComparedScore>> MeasureAsync(
        LanguageModel model, string? resultsPath, Action<int, int> report, CancellationToken cancellationToken)
    {
        var settings = options.With(resultsPath);
        if (reference is null)
        {
            var measured = await new PerplexityEvaluator(model, settings).EvaluateAsync(
                text, new Relay<PerplexityProgress>(step => report(step.Done, step.Windows)), cancellationToken)
                .ConfigureAwait(false);
            return [PerplexityOf(measured.PerWindow)];
        }

        var compared = await new DivergenceEvaluator(reference, model, settings).EvaluateAsync(
            text, new Relay<DivergenceProgress>(step => report(step.Done, step.Windows)), cancellationToken)
            .ConfigureAwait(false);
        return
        [
            PerplexityOf([.. compared.PerWindow.Select(window => new WindowScore(
                window.Item, window.Positions.Count, window.Positions.Sum(position => position.CandidateNll)))]),
            MeanOf("kl_divergence", false, compared.PerWindow, position => position.Divergence),
            MeanOf("top_agreement", true, compared.PerWindow, position => position.Agrees ? 1 : 0),
        ];
    }

    private ComparedScore PerplexityOf(IReadOnlyList<WindowScore> windows) => new(
        Source, Perplexity, false, Estimate.ByBootstrap(
            windows.Count,
            sample => Math.Exp(sample.Sum(i => windows[i].Nll) / sample.Sum(i => windows[i].Tokens)),
            seed));

    private ComparedScore MeanOf(
        string name, bool higherIsBetter, IReadOnlyList<WindowDivergence> windows,
        Func<TokenDivergence, double> measure)
    {
        double[] sums = [.. windows.Select(window => window.Positions.Sum(measure))];
        return new ComparedScore(Source, name, higherIsBetter, Estimate.ByBootstrap(
            windows.Count,
            sample => sample.Sum(i => sums[i]) / sample.Sum(i => windows[i].Positions.Count),
            seed));
    }

    // Reports at once, in the order of the windows.
    private sealed class Relay<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
