using System.Diagnostics;
using System.Threading.Channels;
using Slipway.Sampling;
using Slipway.Speculation;
using Slipway.Generation.Detokenization;

namespace Slipway.Engine.Scheduling;

/// <summary>Continues a request: chooses tokens, makes text of them and knows when to end.</summary>
internal sealed class GenerationSequence : Sequence
{
    // A request without a limit reserves this many tokens at first and grows as it goes.
    private const int OpenReservation = 256;

    private readonly Channel<GeneratedToken> _output = Channel.CreateUnbounded<GeneratedToken>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly GenerationRequest _request;
    private readonly Sampler _chooser;
    private readonly IncrementalDetokenizer _text;
    private readonly HashSet<int> _endIds;
    private readonly int _contextLength;
    private readonly int _limit;
    private readonly long _arrived = Stopwatch.GetTimestamp();
    private long _started;
    private long _first;

    public GenerationSequence(
        GenerationRequest request,
        IReadOnlyList<int> endOfSequenceIds,
        int contextLength,
        Sampler chooser,
        IncrementalDetokenizer text)
        : base(request.PromptIds)
    {
        _request = request;
        _chooser = chooser;
        _text = text;
        _contextLength = contextLength;
        _endIds = [.. request.StopTokenIds];
        if (!request.IgnoreEndOfSequence)
        {
            _endIds.UnionWith(endOfSequenceIds);
        }

        _limit = Math.Min(request.MaxOutputTokens ?? int.MaxValue, contextLength - PromptLength);
        Priority = request.Priority;
    }

    /// <summary>Drafts tokens from the text; null for none.</summary>
    public AdaptiveDraftLength? TextDrafts { get; init; }

    /// <summary>Drafts tokens with a smaller model, whose acceptance counts apart; null for none.</summary>
    public AdaptiveDraftLength? ModelDrafts { get; init; }

    public ChannelReader<GeneratedToken> Output => _output.Reader;

    public override bool ScoresEveryPosition => false;

    public override int Reservation
        => (int)Math.Min(
            PromptLength + (long)(_request.MaxOutputTokens ?? Math.Max(OpenReservation, OutputIds.Length)),
            _contextLength);

    public override void Start() => _started = _started == 0 ? Stopwatch.GetTimestamp() : _started;

    // The last token needs no draft: the run that verifies those before it chooses it anyway.
    public override ReadOnlyMemory<int> Draft(int room)
        => TextDrafts?.Draft(Tokens, Math.Min(room, _limit - OutputIds.Length - 1), PromptLookup.TryDraft) ?? default;

    public override ReadOnlyMemory<int> Draft(int room, DraftModel model, double cost)
        => ModelDrafts?.Draft(Tokens, Math.Min(room, _limit - OutputIds.Length - 1), model.TryDraft, cost) ?? default;

    public override bool Advance(int start, ReadOnlySpan<float> logits)
    {
        if (UncomputedTokens > 0)
        {
            return false;
        }

        if (Take(_chooser.Choose(Tokens[..PromptLength], OutputIds, logits)))
        {
            return true;
        }

        // What guidance leaves no choice about is run together with the token that was chosen.
        foreach (var id in _chooser.Forced(OutputIds))
        {
            if (Take(new SampledToken(id, null, [])))
            {
                return true;
            }
        }

        return false;
    }

    private bool Take(SampledToken choice)
    {
        Append(choice.Id);
        TextDrafts?.Observe(choice.Id, Tokens.Length);
        ModelDrafts?.Observe(choice.Id, Tokens.Length);
        if (_first == 0)
        {
            _first = Stopwatch.GetTimestamp();
        }

        var ended = _endIds.Contains(choice.Id);
        var piece = _text.Append(choice.Id, isEnd: ended);
        FinishReason? reason = ended || _text.IsStopped ? FinishReason.Stop
            : OutputIds.Length >= _limit ? FinishReason.Length
            : null;
        _output.Writer.TryWrite(new GeneratedToken
        {
            Id = choice.Id,
            Text = reason is null ? piece : piece + _text.Flush(),
            LogProbability = choice.LogProbability,
            Alternatives = choice.Alternatives,
            FinishReason = reason,
            Usage = reason is null ? null : MakeUsage(),
        });
        if (reason is null)
        {
            return false;
        }

        _output.Writer.TryComplete();
        return true;
    }

    public override void Fail(Exception error) => _output.Writer.TryComplete(error);

    private Usage MakeUsage()
    {
        var now = Stopwatch.GetTimestamp();
        return new Usage(
            PromptLength,
            OutputIds.Length,
            CachedTokens,
            Elapsed(_arrived, _started),
            Elapsed(_started, _first),
            Elapsed(_first, now))
        {
            DraftedTokens = (TextDrafts?.Drafted ?? 0) + (ModelDrafts?.Drafted ?? 0),
            AcceptedTokens = (TextDrafts?.Accepted ?? 0) + (ModelDrafts?.Accepted ?? 0),
        };
    }
}
