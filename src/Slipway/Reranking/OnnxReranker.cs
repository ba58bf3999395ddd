using Slipway.Encoders;
using Slipway.Loading;
using Slipway.Packaging;
using Slipway.Reranking;

namespace Slipway;

/// <summary>Scores how well passages answer a query.</summary>
/// <remarks>
/// <para>Safe for concurrent use. The package is loaded with the first request and disposed with the reranker.</para>
/// <para>
/// The package is that of a cross-encoder, a model for sequence classification with one label, or of a decoder that
/// answers yes or no, as Qwen3-Reranker does: its score is the sigmoid of how much more the next token is a yes. The
/// model's own files say how a pair is put to it and whether scores are logits or their sigmoid; a decoder whose chat
/// template has no roles <c>query</c> and <c>document</c> is asked in the published form of Qwen3-Reranker. What is
/// longer than the model's context is cut off: of a pair's texts the longer one, of a conversation its end but for what
/// the template closes it with.
/// </para>
/// <para>
/// Special tokens that a pair spells are those tokens for a cross-encoder, as the models' reference implementations
/// read them. A decoder is asked in turns, which a passage could end and answer itself: there they are text, as in
/// <see cref="OnnxChatClient"/>.
/// </para>
/// </remarks>
public sealed class OnnxReranker : IDisposable
{
    private readonly LazyModel<IPairScorer> _scorer;

    /// <summary>Creates a reranker over a package.</summary>
    /// <param name="packagePath">The package folder.</param>
    /// <param name="threads">Threads that compute; null for one on each physical core.</param>
    /// <exception cref="ArgumentException">The number of threads is not possible.</exception>
    public OnnxReranker(string packagePath, int? threads = null)
        : this(new OnnxRerankerOptions { PackagePath = packagePath, Threads = threads })
    {
    }

    /// <summary>Creates a reranker over a package.</summary>
    /// <param name="options">The package and what may be used for it; later changes have no effect.</param>
    /// <exception cref="ArgumentException">An option is missing or out of range; the message names every
    /// one.</exception>
    public OnnxReranker(OnnxRerankerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var copy = options.Checked<OnnxRerankerOptions>();
        _scorer = copy.Lazy<IPairScorer>(
            typeof(OnnxReranker), () => File.Exists(Path.Combine(copy.PackagePath!, ModelPackage.ConfigFile))
            ? YesNoDecoder.Load(copy)
            : CrossEncoder.Load(copy));
    }

    /// <summary>Scores pairs of a query and a passage.</summary>
    /// <param name="pairs">The pairs.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>A score for each pair, in their order; higher is better.</returns>
    /// <exception cref="ArgumentException">A text is null, or an option does not fit the package.</exception>
    /// <exception cref="NotSupportedException">The package is of no model that scores pairs.</exception>
    /// <exception cref="PackageException">A file of the package is missing, altered or malformed.</exception>
    public async Task<IReadOnlyList<RerankScore>> ScoreAsync(
        IReadOnlyList<(string Query, string Passage)> pairs, CancellationToken cancellationToken = default)
    {
        var all = RequestTexts.Check(pairs, nameof(pairs));
        using var use = await _scorer.UseAsync(cancellationToken).ConfigureAwait(false);
        var scorer = use.Model;
        var logits = await scorer.ScoreAsync(all, cancellationToken).ConfigureAwait(false);
        return [.. logits.Select(logit => new RerankScore(
            scorer.IsSigmoid ? 1 / (1 + MathF.Exp(-logit)) : logit, logit))];
    }

    /// <summary>Orders passages by how well they answer a query.</summary>
    /// <param name="query">The query.</param>
    /// <param name="passages">The passages.</param>
    /// <param name="count">The most passages to return; null for all.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>Places of the passages and their scores, the best first.</returns>
    public async Task<IReadOnlyList<(int Index, RerankScore Score)>> RankAsync(
        string query, IReadOnlyList<string> passages, int? count = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(passages);
        var scores = await ScoreAsync([.. passages.Select(passage => (query, passage))], cancellationToken)
            .ConfigureAwait(false);
        return [.. scores.Select((score, index) => (index, score)).OrderByDescending(row => row.score.Logit)
            .Take(count ?? int.MaxValue)];
    }

    /// <summary>Frees the model once the run in progress has ended; later requests are refused.</summary>
    public void Dispose() => _scorer.Dispose();
}

/// <summary>A measure of how well a passage answers a query.</summary>
/// <param name="Score">The score as the model's files define it: the logit or its sigmoid.</param>
/// <param name="Logit">The model's own number.</param>
public readonly record struct RerankScore(float Score, float Logit);
