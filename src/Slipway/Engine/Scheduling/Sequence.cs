using System.Diagnostics;
using System.Runtime.InteropServices;
using Slipway.Speculation;

namespace Slipway.Engine.Scheduling;

/// <summary>Holds the engine's state of one request: its tokens, and how many of them are in the cache.</summary>
/// <remarks>Belongs to the engine's thread, but for <see cref="Cancel"/>.</remarks>
internal abstract class Sequence
{
    private readonly List<int> _tokens;
    private Action? _leftQueue;
    private volatile bool _cancelled;

    protected Sequence(IReadOnlyList<int> promptIds)
    {
        _tokens = [.. promptIds];
        PromptLength = _tokens.Count;
    }

    public int PromptLength { get; }

    /// <summary>Prompt and answer so far.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    public ReadOnlySpan<int> OutputIds => Tokens[PromptLength..];

    /// <summary>Tokens whose keys and values are in the slot.</summary>
    public int ComputedTokens { get; set; }

    /// <summary>Tells whether the slot was computed with the second of two sets of rotary frequencies.</summary>
    public bool UsesLongRope { get; set; }

    /// <summary>Prompt tokens that were known when the prompt was first begun.</summary>
    public int CachedTokens { get; set; }

    /// <summary>Tokens that are still to be run.</summary>
    public int UncomputedTokens => _tokens.Count - ComputedTokens;

    /// <summary>The slot of the cache; -1 while waiting.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>Place of the sequence in the order of arrival.</summary>
    public long Order { get; set; }

    public int Priority { get; init; }

    /// <summary>The adapter that the sequence is computed with; 0 for none.</summary>
    public int Adapter { get; init; }

    public bool IsCancelled => _cancelled;

    /// <summary>Tells whether more is to run than a decode step takes.</summary>
    public bool NeedsPrefill => UncomputedTokens > 1 || ScoresEveryPosition;

    /// <summary>
    /// Tells whether several tokens of an answer are to run at once, as where guidance left no choice.
    /// </summary>
    public bool HasForcedTokens
        => !ScoresEveryPosition && UncomputedTokens > 1 && ComputedTokens >= PromptLength;

    /// <summary>Tells whether the logits of every position are wanted, not only those of the last.</summary>
    public abstract bool ScoresEveryPosition { get; }

    /// <summary>
    /// The first position whose logits are wanted where those of every position are; what lies before it may come from
    /// the prefix cache.
    /// </summary>
    public virtual int FirstScoredPosition => 0;

    /// <summary>Tells whether the prefix cache serves the sequence and keeps it.</summary>
    public bool UsesPrefixCache => !UsesLongRope && (!ScoresEveryPosition || FirstScoredPosition > 0);

    /// <summary>Tokens to reserve room for before the sequence starts.</summary>
    public abstract int Reservation { get; }

    public void Cancel() => _cancelled = true;

    /// <summary>Sets what happens once, when the sequence no longer waits for its start.</summary>
    public void OnLeavingQueue(Action action) => _leftQueue = action;

    /// <summary>Tells that the sequence has a slot, or never will.</summary>
    public void LeaveQueue() => Interlocked.Exchange(ref _leftQueue, null)?.Invoke();

    /// <summary>Called when the sequence gets a slot.</summary>
    public abstract void Start();

    /// <summary>Drafts tokens that may follow from the text itself; none unless the sequence wants that.</summary>
    /// <param name="room">The maximum of tokens that can be verified.</param>
    public virtual ReadOnlyMemory<int> Draft(int room) => default;

    /// <summary>Drafts tokens that may follow with a smaller model; none unless the sequence wants that.</summary>
    /// <param name="room">The maximum of tokens that can be verified.</param>
    /// <param name="model">The model.</param>
    /// <param name="cost">The time of drafting a token, in decode steps.</param>
    public virtual ReadOnlyMemory<int> Draft(int room, DraftModel model, double cost) => default;

    /// <summary>Takes the logits of tokens just run.</summary>
    /// <param name="start">The first position that was run.</param>
    /// <param name="logits">Of every position run, or of the last one only.</param>
    /// <returns>Whether the sequence is complete.</returns>
    public abstract bool Advance(int start, ReadOnlySpan<float> logits);

    /// <summary>Ends the sequence by an error.</summary>
    public abstract void Fail(Exception error);

    protected void Append(int id) => _tokens.Add(id);

    protected static TimeSpan Elapsed(long from, long to) => Stopwatch.GetElapsedTime(from, to);
}
