using System.Diagnostics;
using System.Text.Json.Nodes;
using Slipway.Evaluation.Perplexity;
using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.Divergence;

/// <summary>Measures how far a model's predictions are from those of a reference, such as its float package.</summary>
/// <remarks>
/// Both models run the same windows of a text. At each scored position the Kullback-Leibler divergence
/// D(reference ‖ candidate) of the distributions over the whole vocabulary is taken, in nats, and whether both find the
/// same token most probable. Two windows of logits are held in memory: <c>8 · Window · vocabulary</c> bytes.
/// Thread-safe, but for runs that share a file of results.
/// </remarks>
/// <param name="reference">The model that is right; the caller keeps it.</param>
/// <param name="candidate">The model to measure; the caller keeps it.</param>
/// <param name="options">How to divide the text; null for the defaults.</param>
/// <exception cref="ArgumentException">An option is out of range, or the vocabularies differ in size.</exception>
public sealed class DivergenceEvaluator(
    LanguageModel reference, LanguageModel candidate, PerplexityOptions? options = null)
{
    private readonly LanguageModel _reference = reference ?? throw new ArgumentNullException(nameof(reference));
    private readonly LanguageModel _candidate = SameVocabulary(reference, candidate);
    private readonly PerplexityOptions _options = PerplexityOptions.Checked(
        options ?? new PerplexityOptions(), Math.Min(reference.ContextLength, candidate.ContextLength));

    /// <summary>Measures over a text file in UTF-8.</summary>
    /// <param name="path">The file; at most one gibibyte.</param>
    /// <param name="progress">Told after each window.</param>
    /// <param name="cancellationToken">Stops the measurement, also within a window.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="ArgumentException">
    /// The text has too few tokens, the file is too large, or the models' tokenizers make different tokens of it.
    /// </exception>
    public async Task<DivergenceReport> EvaluateFileAsync(
        string path,
        IProgress<DivergenceProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        var text = await EvaluationText.ReadAsync(path, cancellationToken).ConfigureAwait(false);
        return await EvaluateAsync(text, progress, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Measures over a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="progress">Told after each window.</param>
    /// <param name="cancellationToken">Stops the measurement, also within a window.</param>
    /// <exception cref="ArgumentException">
    /// The text has too few tokens, or the models' tokenizers make different tokens of it.
    /// </exception>
    /// <exception cref="NotSupportedException">A model's package has no tokenizer.</exception>
    public Task<DivergenceReport> EvaluateAsync(
        string text,
        IProgress<DivergenceProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = _reference.Tokenizer.Encode(text, addSpecialTokens: false);
        return _candidate.Tokenizer.Encode(text, addSpecialTokens: false).AsSpan().SequenceEqual(ids)
            ? EvaluateAsync(ids, EvaluationText.Prefix(_reference.Tokenizer), progress, cancellationToken)
            : throw new ArgumentException(
                $"The tokenizers of '{_reference.Package.Path}' and '{_candidate.Package.Path}' make different tokens "
                + "of the text, so their predictions cannot be compared. Give two packages of the same model.",
                nameof(text));
    }

    /// <summary>Measures over a text whose tokens are known.</summary>
    /// <param name="ids">The text's tokens, without any that begin a sequence.</param>
    /// <param name="prefix">Tokens that each window starts with; usually none or the one that begins a
    /// sequence.</param>
    /// <param name="progress">Told after each window.</param>
    /// <param name="cancellationToken">Stops the measurement, also within a window.</param>
    /// <exception cref="ArgumentException">There are too few tokens, or one outside the vocabulary.</exception>
    /// <exception cref="InvalidDataException">The file of results belongs to another run.</exception>
    public async Task<DivergenceReport> EvaluateAsync(
        IReadOnlyList<int> ids,
        IReadOnlyList<int> prefix,
        IProgress<DivergenceProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(prefix);
        var started = Stopwatch.GetTimestamp();
        var run = new WindowRun(ids, prefix, _options);
        var windows = await run.MeasureAsync<WindowDivergence>(
            Describe,
            (index, window) => CompareAsync(index, window, cancellationToken),
            done => progress?.Report(new DivergenceProgress(
                done.Count, run.Count,
                done.SelectMany(window => window.Positions).Average(position => position.Divergence))),
            cancellationToken).ConfigureAwait(false);
        return DivergenceReport.Of(windows, Stopwatch.GetElapsedTime(started));
    }

    private async Task<WindowDivergence> CompareAsync(
        int index, TextWindow window, CancellationToken cancellationToken)
    {
        // One after the other: each model uses all cores.
        var expected = await _reference.ForwardAsync(window.Ids, cancellationToken).ConfigureAwait(false);
        var actual = await _candidate.ForwardAsync(window.Ids, cancellationToken).ConfigureAwait(false);
        return new WindowDivergence(
            index,
            [
                .. Enumerable.Range(window.FirstScored, window.Ids.Length - window.FirstScored).Select(
                    i => TokenDivergence.Of(expected[i - 1], actual[i - 1], window.Ids[i])),
            ]);
    }

    private JsonObject Describe()
    {
        var description = Provenance.Of(_candidate.Package);
        description["reference_sha256"] = PackageHash.Of(_reference.Package);
        return description;
    }

    private static LanguageModel SameVocabulary(LanguageModel reference, LanguageModel candidate)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        return candidate.VocabularySize == reference.VocabularySize
            ? candidate
            : throw new ArgumentException(
                $"The vocabulary of '{candidate.Package.Path}' has '{candidate.VocabularySize}' entries, that of the "
                + $"reference '{reference.Package.Path}' '{reference.VocabularySize}'. Give two packages of the same "
                + "model.",
                nameof(candidate));
    }
}
