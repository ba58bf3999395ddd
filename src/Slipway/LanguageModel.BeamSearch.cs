using Slipway.Engine;
using Slipway.Sampling;

namespace Slipway;

// Continuations that are followed side by side.
public sealed partial class LanguageModel
{
    /// <summary>Searches for the most probable continuations of a prompt.</summary>
    /// <remarks>
    /// In each step every beam is a request of its own, which takes what it has in common with earlier ones from the
    /// prefix cache and computes the rest, up to a block of it; without a cache, or where layers carry a state, it
    /// computes all.
    /// </remarks>
    /// <param name="request">What to continue and how.</param>
    /// <param name="cancellationToken">Ends the search, also in the middle of its prefill.</param>
    /// <returns>The answers, best first.</returns>
    /// <exception cref="ArgumentException">The request cannot be served; the message says what would be.</exception>
    /// <exception cref="QueueFullException">Too many requests wait.</exception>
    /// <exception cref="InvalidOperationException">The model is being drained.</exception>
    public async Task<IReadOnlyList<BeamAnswer>> BeamSearchAsync(
        BeamSearchRequest request,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        RequestValidation.Validate(request, ContextLength, VocabularySize);
        var adapter = AdapterId(request.Adapter, nameof(request));
        cancellationToken.ThrowIfCancellationRequested();
        using var visit = _gate.Enter();
        using var activity = _telemetry.Begin();
        var outcome = "failed";
        try
        {
            var answers = await SearchAsync(request, adapter, cancellationToken).ConfigureAwait(false);
            outcome = Outcome(answers[0].FinishReason);
            return answers;
        }
        catch (OperationCanceledException)
        {
            outcome = "cancelled";
            throw;
        }
        catch (QueueFullException)
        {
            outcome = "refused";
            throw;
        }
        finally
        {
            _telemetry.End(activity, outcome, usage: null);
        }
    }

    private async Task<IReadOnlyList<BeamAnswer>> SearchAsync(
        BeamSearchRequest request,
        int adapter,
        CancellationToken cancellationToken)
    {
        int[] endIds =
        [
            .. request.StopTokenIds, .. request.IgnoreEndOfSequence ? [] : Package.Config.Model.EosTokenId,
        ];
        var limit = Math.Min(request.MaxOutputTokens, ContextLength - request.PromptIds.Count);
        var search = new BeamSearch(request, [.. endIds.Distinct()], limit);
        IReadOnlyList<TokenLogProbability>[] candidates;
        do
        {
            // Where one beam fails, the others are of no use.
            using var rest = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var steps = search.Running
                .Select(beam => StepAsync(request, beam.Ids, adapter, endIds, search.Candidates, rest))
                .ToArray();
            candidates = await Task.WhenAll(steps).ConfigureAwait(false);
        }
        while (search.Step(candidates));

        return search.Answers.Count > 0 ? search.Answers : throw new InvalidOperationException(
            "No continuation of the prompt is left to follow. Relax NoRepeatNgramSize or MinOutputTokens.");
    }

    private async Task<IReadOnlyList<TokenLogProbability>> StepAsync(
        BeamSearchRequest request,
        int[] ids,
        int adapter,
        int[] endIds,
        int count,
        CancellationTokenSource rest)
    {
        var processors = LogitsProcessors.For(request.ToGeneration(), endIds).ToArray();
        var sequence = new StepSequence<IReadOnlyList<TokenLogProbability>>(
            [.. request.PromptIds, .. ids], Read)
        {
            Adapter = adapter,
            Priority = request.Priority,
        };
        try
        {
            rest.Token.ThrowIfCancellationRequested();
            _engine.Submit(sequence);
            using var registration = rest.Token.Register(() => _engine.Cancel(sequence));
            return await sequence.Completion.ConfigureAwait(false);
        }
        catch
        {
            await rest.CancelAsync().ConfigureAwait(false);
            throw;
        }

        IReadOnlyList<TokenLogProbability> Read(ReadOnlySpan<float> logits)
        {
            var scores = new float[logits.Length];
            Softmax.LogProbabilities(logits, scores);
            foreach (var processor in processors)
            {
                processor.Process([.. request.PromptIds], ids, scores);
            }

            return LogProbabilities.Top(scores, 0, Math.Min(count, scores.Length));
        }
    }
}
