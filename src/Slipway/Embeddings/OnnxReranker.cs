using Slipway.Embeddings;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway;

/// <summary>Scores how well passages answer a query, with the cross-encoder of a package.</summary>
/// <remarks>
/// Safe for concurrent use; runs take turns. The package is loaded with the first request and disposed with the
/// reranker. Pairs longer than the model's context are cut off, the longer text first. Scores are the model's own: its
/// files say whether they are logits or their sigmoid.
/// </remarks>
public sealed class OnnxReranker : IDisposable
{
    private const int MaxBatchTokens = 4096;
    private const int FallbackContext = 512;

    private readonly Lazy<(EncoderModel Model, HuggingFaceTokenizer Tokenizer, int Context)> _loaded;
    private readonly SemaphoreSlim _turn = new(1);
    private bool _disposed;

    /// <summary>Creates a reranker over a package.</summary>
    /// <param name="packagePath">The package folder of a model with one label.</param>
    /// <param name="threads">Threads that compute; null for one on each physical core.</param>
    /// <exception cref="ArgumentException">The number of threads is not possible.</exception>
    public OnnxReranker(string packagePath, int? threads = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(packagePath);
        var path = Path.GetFullPath(packagePath);
        var options = new LanguageModelOptions { Threads = threads };
        OptionsValidation.Validate(options);
        _loaded = new(() => Load(path, options));
    }

    /// <summary>Scores pairs of a query and a passage.</summary>
    /// <param name="pairs">The pairs.</param>
    /// <param name="cancellationToken">Ends the run between two batches.</param>
    /// <returns>A score for each pair, in their order; higher is better.</returns>
    /// <exception cref="ArgumentException">A text is null.</exception>
    /// <exception cref="NotSupportedException">The package has no single label.</exception>
    /// <exception cref="PackageException">A file of the package is missing, altered or malformed.</exception>
    public async Task<IReadOnlyList<RerankScore>> ScoreAsync(
        IReadOnlyList<(string Query, string Passage)> pairs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        for (var i = 0; i < pairs.Count; i++)
        {
            if (pairs[i].Query is null || pairs[i].Passage is null)
            {
                throw new ArgumentException(
                    $"The pair at '{i}' holds a null. Leave it out, or score ''.", nameof(pairs));
            }
        }

        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return await Task.Run(() => Score(pairs, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Orders passages by how well they answer a query.</summary>
    /// <param name="query">The query.</param>
    /// <param name="passages">The passages.</param>
    /// <param name="count">The most passages to return; null for all.</param>
    /// <param name="cancellationToken">Ends the run between two batches.</param>
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

    /// <summary>Disposes the model once the run in progress has ended.</summary>
    public void Dispose()
    {
        _turn.Wait();
        try
        {
            if (!_disposed && _loaded.IsValueCreated)
            {
                _loaded.Value.Model.Dispose();
            }

            _disposed = true;
        }
        finally
        {
            _turn.Release();
        }
    }

    private static (EncoderModel Model, HuggingFaceTokenizer Tokenizer, int Context) Load(
        string path, LanguageModelOptions options)
    {
        var model = EncoderModel.Load(path, options);
        try
        {
            const string file = "tokenizer.json";
            var tokenizer = model.Package.FindFile(file) ?? throw new PackageException(
                path,
                $"The package '{path}' has no '{file}', so it takes no texts. Copy the tokenizer of the model's "
                + "checkpoint into it.");
            var max = model.Package.Manifest.ContextLength ?? FallbackContext;
            return (
                model, HuggingFaceTokenizer.Load(tokenizer),
                Math.Min(new SentenceSettings(model.Package).MaxLength ?? max, max));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private RerankScore[] Score(
        IReadOnlyList<(string Query, string Passage)> pairs, CancellationToken cancellationToken)
    {
        var (model, tokenizer, context) = _loaded.Value;
        var encoded = pairs.Select(
            pair => tokenizer.EncodePair(pair.Query.Trim(), pair.Passage.Trim(), context)).ToArray();
        var scores = new RerankScore[pairs.Count];
        var order = Enumerable.Range(0, pairs.Count).OrderByDescending(i => encoded[i].Ids.Length).ToArray();
        for (var start = 0; start < order.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var length = encoded[order[start]].Ids.Length; // the longest of the rest
            var count = Math.Min(order.Length - start, Math.Max(1, MaxBatchTokens / length));
            var batch = order.AsSpan(start, count);
            var logits = Run(model, [.. batch.ToArray().Select(i => encoded[i])], length);
            var isSigmoid = RerankActivation.IsSigmoid(model.Package, 1);
            for (var row = 0; row < count; row++)
            {
                var logit = logits[row];
                scores[batch[row]] = new(isSigmoid ? 1 / (1 + MathF.Exp(-logit)) : logit, logit);
            }

            start += count;
        }

        return scores;
    }

    // Logits [batch, 1] of pairs that are padded on the right.
    private static float[] Run(EncoderModel model, (int[] Ids, int[] Types)[] batch, int length)
    {
        var (ids, mask, types) =
            (new long[batch.Length * length], new long[batch.Length * length], new long[batch.Length * length]);
        ids.AsSpan().Fill(model.PadId);
        for (var row = 0; row < batch.Length; row++)
        {
            for (var i = 0; i < batch[row].Ids.Length; i++)
            {
                var at = (row * length) + i;
                (ids[at], mask[at], types[at]) = (batch[row].Ids[i], 1, batch[row].Types[i]);
            }
        }

        long[] shape = [batch.Length, length];
        Dictionary<string, (long[], long[])> inputs = new()
        {
            ["input_ids"] = (ids, shape), ["attention_mask"] = (mask, shape),
        };
        if (model.Inputs.Contains("token_type_ids"))
        {
            inputs["token_type_ids"] = (types, shape);
        }

        return model.Run(inputs).FirstOrDefault(output => output.Name == "logits") is { Shape: [_, 1] } logits
            ? logits.Values
            : throw new NotSupportedException(
                $"The model of '{model.Package.Path}' does not tell one logit for each pair, so it ranks nothing. Give "
                + "the package of a cross-encoder, a model for sequence classification with one label.");
    }
}

/// <summary>A measure of how well a passage answers a query.</summary>
/// <param name="Score">The score as the model's files define it: the logit or its sigmoid.</param>
/// <param name="Logit">The model's own number.</param>
public readonly record struct RerankScore(float Score, float Logit);
