using Slipway.Engine.Scheduling;
using Slipway.Sampling;

namespace Slipway.Generation;

/// <summary>Searches for the most probable continuations of prompts. Safe for concurrent use.</summary>
internal sealed class BeamSearcher(LoadedModel model, RequestGate gate)
{
    public async Task<IReadOnlyList<BeamAnswer>> SearchAsync(
        BeamSearchRequest request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var visit = gate.Enter();
        using var adapter = model.UseAdapter(request.Adapter, nameof(request));
        using var activity = model.Telemetry.Begin();
        var outcome = "failed";
        try
        {
            var answers = await FollowAsync(request, adapter?.Id ?? 0, cancellationToken).ConfigureAwait(false);
            outcome = TokenGenerator.Outcome(answers[0].FinishReason);
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
            model.Telemetry.End(activity, outcome, usage: null);
        }
    }

    private async Task<IReadOnlyList<BeamAnswer>> FollowAsync(
        BeamSearchRequest request, int adapter, CancellationToken cancellationToken)
    {
        int[] endIds =
        [
            .. request.StopTokenIds, .. request.IgnoreEndOfSequence ? [] : model.Package.Config.Model.EosTokenId,
        ];
        var limit = Math.Min(request.MaxOutputTokens, model.ContextLength - request.PromptIds.Count);
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
        BeamSearchRequest request, int[] ids, int adapter, int[] endIds, int count, CancellationTokenSource rest)
    {
        var processors = LogitsProcessors.For(request.ToSampling(), request.MinOutputTokens, endIds).ToArray();
        var sequence = new LastLogitsSequence<IReadOnlyList<TokenLogProbability>>([.. request.PromptIds, .. ids], Read)
        {
            Adapter = adapter,
            Priority = request.Priority,
        };
        try
        {
            rest.Token.ThrowIfCancellationRequested();
            model.Engine.Submit(sequence);
            using var registration = rest.Token.Register(() => model.Engine.Cancel(sequence));
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
