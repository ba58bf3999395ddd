using Slipway.Engine.Scheduling;
using Slipway.Sampling;

namespace Slipway.Generation;

/// <summary>Runs given tokens and tells what the model predicts at each of them. Safe for concurrent use.</summary>
internal sealed class TokenScorer(LoadedModel model, RequestGate gate)
{
    /// <summary>Computes the logits of every position.</summary>
    public async Task<TokenLogits> ForwardAsync(
        IReadOnlyList<int> ids, int adapter, CancellationToken cancellationToken)
    {
        var vocabularySize = model.Graph.VocabularySize;
        var result = new TokenLogits(ids.Count, vocabularySize);
        await RunAsync(
            ids,
            adapter,
            (start, logits) => logits.CopyTo(result.Values.AsSpan(start * vocabularySize)),
            cancellationToken).ConfigureAwait(false);
        return result;
    }

    /// <summary>Computes the log-probability of the second token to the last.</summary>
    public async Task<IReadOnlyList<TokenScore>> ScoreAsync(
        IReadOnlyList<int> ids, int alternatives, CancellationToken cancellationToken)
    {
        var vocabularySize = model.Graph.VocabularySize;
        var result = new TokenScore[ids.Count - 1];
        await RunAsync(ids, adapter: 0, Take, cancellationToken).ConfigureAwait(false);
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

    private async Task RunAsync(
        IReadOnlyList<int> ids, int adapter, LogitsSink sink, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var visit = gate.Enter();
        var sequence = new ScoringSequence(ids, sink) { Adapter = adapter };
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
