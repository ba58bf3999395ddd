using Slipway.Engine.Scheduling;
using Slipway.Sampling;

namespace Slipway.Generation;

/// <summary>Runs given tokens and tells what the model predicts at each of them. Safe for concurrent use.</summary>
internal sealed class TokenScorer(LoadedModel model, RequestGate gate)
{
    /// <summary>Computes the logits of every position.</summary>
    public async Task<TokenLogits> ForwardAsync(
        IReadOnlyList<int> ids, string? adapter, CancellationToken cancellationToken)
    {
        var vocabularySize = model.VocabularySize;
        using var use = model.UseAdapter(adapter, nameof(adapter));
        var result = new TokenLogits(ids.Count, vocabularySize);
        await RunAsync(
            ids,
            use?.Id ?? 0,
            first: 0,
            (start, logits) => logits.CopyTo(result.Values.AsSpan(start * vocabularySize)),
            cancellationToken).ConfigureAwait(false);
        return result;
    }

    /// <summary>Computes the log-probability of the second token to the last.</summary>
    public async Task<IReadOnlyList<TokenScore>> ScoreAsync(
        IReadOnlyList<int> ids, int alternatives, CancellationToken cancellationToken)
    {
        var vocabularySize = model.VocabularySize;
        var result = new TokenScore[ids.Count - 1];
        await RunAsync(ids, adapter: 0, first: 0, Take, cancellationToken).ConfigureAwait(false);
        return result;

        void Take(int start, ReadOnlySpan<float> logits)
        {
            for (var i = 0; i * vocabularySize < logits.Length && start + i < result.Length; i++)
            {
                var position = logits.Slice(i * vocabularySize, vocabularySize);
                var normalizer = Softmax.LogSumExp(position);
                var id = ids[start + i + 1];
                result[start + i] = new TokenScore(
                    id, (float)(position[id] - normalizer), LogProbabilities.Top(position, normalizer, alternatives));
            }
        }
    }

    /// <summary>Computes the log-probability of the tokens from one on.</summary>
    public async Task<float[]> ScoreContinuationAsync(
        IReadOnlyList<int> ids, int start, CancellationToken cancellationToken)
    {
        var vocabularySize = model.VocabularySize;
        var result = new float[ids.Count - start];
        await RunAsync(ids, adapter: 0, first: start - 1, Take, cancellationToken).ConfigureAwait(false);
        return result;

        void Take(int position, ReadOnlySpan<float> logits)
        {
            for (; !logits.IsEmpty && position + 1 < ids.Count; position++, logits = logits[vocabularySize..])
            {
                var own = logits[..vocabularySize];
                result[position + 1 - start] = (float)(own[ids[position + 1]] - Softmax.LogSumExp(own));
            }
        }
    }

    /// <summary>Computes something of the logits after the last token.</summary>
    /// <remarks>What the tokens have in common with earlier ones is taken from the prefix cache.</remarks>
    public async Task<T> LastLogitsAsync<T>(
        IReadOnlyList<int> ids, LastLogits<T> read, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var visit = gate.Enter();
        var sequence = new LastLogitsSequence<T>(ids, read);
        model.Engine.Submit(sequence);
        using var registration = cancellationToken.Register(() => model.Engine.Cancel(sequence));
        try
        {
            return await sequence.Completion.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }

    private async Task RunAsync(
        IReadOnlyList<int> ids, int adapter, int first, LogitsSink sink, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var visit = gate.Enter();
        var sequence = new ScoringSequence(ids, first, sink) { Adapter = adapter };
        model.Engine.Submit(sequence);
        using var registration = cancellationToken.Register(() => model.Engine.Cancel(sequence));
        try
        {
            await sequence.Completion.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }
}
