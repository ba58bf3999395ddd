namespace Slipway.Engine.Scheduling;

/// <summary>Takes the logits of every position of a sequence, chunk by chunk.</summary>
/// <param name="start">The position that the first row of logits belongs to.</param>
/// <param name="logits">[positions, vocabulary], valid during the call only.</param>
internal delegate void LogitsSink(int start, ReadOnlySpan<float> logits);

/// <summary>Runs tokens whose logits are wanted at every position from one on.</summary>
/// <param name="ids">The tokens.</param>
/// <param name="first">The first position whose logits are wanted.</param>
/// <param name="sink">Takes the logits.</param>
internal sealed class ScoringSequence(IReadOnlyList<int> ids, int first, LogitsSink sink) : Sequence(ids)
{
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Completion => _completion.Task;

    public override bool ScoresEveryPosition => true;

    public override int FirstScoredPosition => first;

    public override int Reservation => PromptLength;

    public override void Start()
    {
    }

    public override bool Advance(int start, ReadOnlySpan<float> logits)
    {
        if (start >= first)
        {
            sink(start, logits);
        }

        if (UncomputedTokens > 0)
        {
            return false;
        }

        _completion.TrySetResult();
        return true;
    }

    public override void Fail(Exception error) => _completion.TrySetException(error);
}
