using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Slipway.Engine.Adapters;
using Slipway.Engine.Scheduling;
using Slipway.Sampling;
using Slipway.Speculation;
using Slipway.Generation.Detokenization;

namespace Slipway.Generation;

/// <summary>Streams the tokens of requests. Safe for concurrent use.</summary>
internal sealed class TokenGenerator(LoadedModel model, RequestGate gate)
{
    /// <summary>Streams one answer.</summary>
    public async IAsyncEnumerable<GeneratedToken> GenerateAsync(
        GenerationRequest request,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var visit = gate.Enter();
        using var activity = model.Telemetry.Begin();
        using var adapter = model.UseAdapter(request.Adapter, nameof(request));
        var sequence = CreateSequence(request, adapter);
        Usage? usage = null;
        var outcome = "refused";
        try
        {
            model.Engine.Submit(sequence);
            outcome = "cancelled";
            using var deadline = StartDeadline(request, sequence);
            using var registration = cancellationToken.Register(() => model.Engine.Cancel(sequence));
            await foreach (var token in sequence.Output.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                usage = token.Usage;
                outcome = Outcome(token.FinishReason);
                yield return token;
            }
        }
        finally
        {
            if (!sequence.Output.Completion.IsCompleted)
            {
                model.Engine.Cancel(sequence);
            }

            model.Telemetry.End(activity, Outcome(sequence.Output.Completion) ?? outcome, usage);
        }
    }

    /// <summary>The outcome of a request in telemetry.</summary>
    public static string Outcome(FinishReason? reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        _ => "cancelled",
    };

    private static string? Outcome(Task completion) => completion.Exception?.InnerException switch
    {
        null or OperationCanceledException => null,
        TimeoutException => "timeout",
        _ => "failed",
    };

    private CancellationTokenSource? StartDeadline(GenerationRequest request, GenerationSequence sequence)
    {
        if (request.Timeout is not { } timeout)
        {
            return null;
        }

        var deadline = new CancellationTokenSource(timeout, model.Options.TimeProvider);
        deadline.Token.Register(() => model.Engine.Cancel(sequence, new TimeoutException(
            $"The request did not end within its time of '{timeout}'. Raise Timeout, ask for fewer tokens, or send "
            + "fewer requests at once.")));
        return deadline;
    }

    // Guids come from the system's random numbers, without OpenSSL, which small devices lack.
    private static long NewSeed()
    {
        Span<byte> bytes = stackalloc byte[16];
        Guid.NewGuid().TryWriteBytes(bytes);
        return BinaryPrimitives.ReadInt64LittleEndian(bytes) ^ BinaryPrimitives.ReadInt64LittleEndian(bytes[8..]);
    }

    private GenerationSequence CreateSequence(GenerationRequest request, AdapterUse? adapter)
    {
        var endIds = model.Package.Config.Model.EosTokenId;
        var sampling = request.Sampling;
        var seed = sampling.Seed ?? NewSeed();
        var random = sampling.Temperature > 0 ? new RandomSource(seed) : null;
        ILogitsProcessor[] guidance = request.Guidance is { } grammar
            ? [model.Guidance.NewProcessor(grammar, request.StopTokenIds)]
            : [];
        var own = LogitsProcessors.For(
            sampling, request.MinOutputTokens, [.. endIds, .. request.StopTokenIds], seed);
        var chooser = new Sampler([.. request.LogitsProcessors, .. guidance, .. own], random, request.LogProbabilities);
        var text = new IncrementalDetokenizer(
            model.CreateStreamDecoder(skipSpecialTokens: !request.IncludeSpecialTokens),
            request.StopSequences,
            request.IncludeSpecialTokens);
        var maxDraft = request.DraftTokens ?? model.Options.DraftTokens;
        return new GenerationSequence(request, endIds, model.ContextLength, chooser, text)
        {
            Adapter = adapter?.Id ?? 0,
            TextDrafts = maxDraft > 0 ? new AdaptiveDraftLength(maxDraft) : null,
            ModelDrafts = maxDraft > 0 && model.HasDraftModel ? new AdaptiveDraftLength(maxDraft) : null,
        };
    }
}
