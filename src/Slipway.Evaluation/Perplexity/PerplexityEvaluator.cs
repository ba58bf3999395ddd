using System.Diagnostics;
using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.Perplexity;

/// <summary>Measures how well a language model predicts a text.</summary>
/// <remarks>
/// The whole text is tokenized and cut into windows of equal length; each window predicts its tokens from those before
/// them. Where the tokenizer begins sequences with tokens of its own, each window starts with them. Thread-safe, but
/// for runs that share a file of results.
/// </remarks>
/// <param name="model">The model; the caller keeps it.</param>
/// <param name="options">How to divide the text; null for the defaults.</param>
public sealed class PerplexityEvaluator(LanguageModel model, PerplexityOptions? options = null)
{
    private readonly LanguageModel _model = model ?? throw new ArgumentNullException(nameof(model));
    private readonly PerplexityOptions _options = PerplexityOptions.Checked(
        options ?? new PerplexityOptions(), model.ContextLength);

    /// <summary>Measures a text file in UTF-8.</summary>
    /// <param name="path">The file; at most one gibibyte.</param>
    /// <param name="progress">Told after each window.</param>
    /// <param name="cancellationToken">Stops the measurement, also within a window.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="ArgumentException">The text has too few tokens, or the file is too large.</exception>
    public async Task<PerplexityReport> EvaluateFileAsync(
        string path,
        IProgress<PerplexityProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var text = await EvaluationText.ReadAsync(path, cancellationToken).ConfigureAwait(false);
        return await EvaluateAsync(text, progress, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Measures a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="progress">Told after each window.</param>
    /// <param name="cancellationToken">Stops the measurement, also within a window.</param>
    /// <exception cref="ArgumentException">The text has too few tokens.</exception>
    /// <exception cref="NotSupportedException">The model's package has no tokenizer.</exception>
    public Task<PerplexityReport> EvaluateAsync(
        string text,
        IProgress<PerplexityProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        var tokenizer = _model.Tokenizer;
        return EvaluateAsync(
            tokenizer.Encode(text, addSpecialTokens: false),
            EvaluationText.Prefix(tokenizer),
            progress,
            cancellationToken);
    }

    /// <summary>Measures a text whose tokens are known.</summary>
    /// <param name="ids">The text's tokens, without any that begin a sequence.</param>
    /// <param name="prefix">Tokens that each window starts with; usually none or the one that begins a
    /// sequence.</param>
    /// <param name="progress">Told after each window.</param>
    /// <param name="cancellationToken">Stops the measurement, also within a window.</param>
    /// <exception cref="ArgumentException">There are too few tokens, or one outside the vocabulary.</exception>
    /// <exception cref="InvalidDataException">The file of results belongs to another run.</exception>
    public async Task<PerplexityReport> EvaluateAsync(
        IReadOnlyList<int> ids,
        IReadOnlyList<int> prefix,
        IProgress<PerplexityProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(prefix);
        var started = Stopwatch.GetTimestamp();
        var run = new WindowRun(ids, prefix, _options);
        var windows = await run.MeasureAsync<WindowScore>(
            () => Provenance.Of(_model.Package),
            async (index, window) =>
            {
                var scores = await _model.ScoreAsync(window.Ids, cancellationToken).ConfigureAwait(false);
                return new WindowScore(
                    index, window.Ids.Length - window.FirstScored,
                    -scores.Skip(window.FirstScored - 1).Sum(score => (double)score));
            },
            done => progress?.Report(new PerplexityProgress(done.Count, run.Count, Perplexity(done))),
            cancellationToken).ConfigureAwait(false);
        return new PerplexityReport(
            [.. windows.Select(window => window.Nll / window.Tokens)],
            Perplexity(windows),
            windows.Sum(window => window.Tokens),
            ids.Count,
            Stopwatch.GetElapsedTime(started)) { PerWindow = windows };
    }

    private static double Perplexity(IReadOnlyList<WindowScore> windows)
        => Math.Exp(windows.Sum(window => window.Nll) / windows.Sum(window => window.Tokens));
}
