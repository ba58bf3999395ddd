using System.Diagnostics;
using System.Threading.Channels;
using Slipway.Sampling;
using Slipway.Speculation;
using Slipway.Text;

namespace Slipway.Engine;

/// <summary>A request's continuation: chooses tokens, makes text of them and knows when to end.</summary>
internal sealed class GenerationSequence : Sequence
{
    // A request without a limit reserves this many tokens at first and grows as it goes.
    private const int OpenReservation = 256;

    private readonly Channel<GeneratedToken> output = Channel.CreateUnbounded<GeneratedToken>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly GenerationRequest request;
    private readonly TokenChooser chooser;
    private readonly AnswerText text;
    private readonly HashSet<int> endIds;
    private readonly int contextLength;
    private readonly int limit;
    private readonly long arrived = Stopwatch.GetTimestamp();
    private long started;
    private long first;

    public GenerationSequence(
        GenerationRequest request,
        IReadOnlyList<int> endOfSequenceIds,
        int contextLength,
        TokenChooser chooser,
        AnswerText text)
        : base(request.PromptIds)
    {
        this.request = request;
        this.chooser = chooser;
        this.text = text;
        this.contextLength = contextLength;
        endIds = [.. request.StopTokenIds];
        if (!request.IgnoreEndOfSequence)
        {
            endIds.UnionWith(endOfSequenceIds);
        }

        limit = Math.Min(request.MaxOutputTokens ?? int.MaxValue, contextLength - PromptLength);
        Priority = request.Priority;
    }

    /// <summary>Guesses tokens ahead from the text; null for none.</summary>
    public Drafting? Drafting { get; init; }

    /// <summary>Guesses them with a smaller model, judged apart; null for none.</summary>
    public Drafting? ModelDrafting { get; init; }

    public ChannelReader<GeneratedToken> Output => output.Reader;

    public override bool ScoresEveryPosition => false;

    public override int Reservation
        => (int)Math.Min(PromptLength + (long)(request.MaxOutputTokens ?? Math.Max(OpenReservation, OutputIds.Length)), contextLength);

    public override void Start() => started = started == 0 ? Stopwatch.GetTimestamp() : started;

    // The last token needs no guess: it is chosen anyway where those before it are checked.
    public override ReadOnlyMemory<int> Draft(int room)
        => Drafting?.Draft(Tokens, Math.Min(room, limit - OutputIds.Length - 1), PromptLookup.TryDraft) ?? default;

    public override ReadOnlyMemory<int> Draft(int room, DraftModel model, double cost)
        => ModelDrafting?.Draft(Tokens, Math.Min(room, limit - OutputIds.Length - 1), model.TryDraft, cost) ?? default;

    public override bool Advance(int start, ReadOnlySpan<float> logits)
    {
        if (Pending > 0)
        {
            return false;
        }

        if (Take(chooser.Choose(Tokens[..PromptLength], OutputIds, logits)))
        {
            return true;
        }

        // What guidance leaves no choice about is run together with the token that was chosen.
        foreach (var id in chooser.Forced(OutputIds))
        {
            if (Take(new TokenChoice(id, null, [])))
            {
                return true;
            }
        }

        return false;
    }

    private bool Take(TokenChoice choice)
    {
        Append(choice.Id);
        Drafting?.Observe(choice.Id, Tokens.Length);
        ModelDrafting?.Observe(choice.Id, Tokens.Length);
        if (first == 0)
        {
            first = Stopwatch.GetTimestamp();
        }

        var ended = endIds.Contains(choice.Id);
        var piece = text.Append(choice.Id, isEnd: ended);
        FinishReason? reason = ended || text.IsStopped ? FinishReason.Stop
            : OutputIds.Length >= limit ? FinishReason.Length
            : null;
        output.Writer.TryWrite(new GeneratedToken
        {
            Id = choice.Id,
            Text = reason is null ? piece : piece + text.Flush(),
            LogProbability = choice.LogProbability,
            Alternatives = choice.Alternatives,
            FinishReason = reason,
            Usage = reason is null ? null : MakeUsage(),
        });
        if (reason is null)
        {
            return false;
        }

        output.Writer.TryComplete();
        return true;
    }

    public override void Fail(Exception error) => output.Writer.TryComplete(error);

    private Usage MakeUsage()
    {
        var now = Stopwatch.GetTimestamp();
        return new Usage(
            PromptLength,
            OutputIds.Length,
            CachedTokens,
            Elapsed(arrived, started),
            Elapsed(started, first),
            Elapsed(first, now))
        {
            DraftedTokens = (Drafting?.Drafted ?? 0) + (ModelDrafting?.Drafted ?? 0),
            AcceptedTokens = (Drafting?.Accepted ?? 0) + (ModelDrafting?.Accepted ?? 0),
        };
    }
}
