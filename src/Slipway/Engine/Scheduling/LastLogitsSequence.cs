namespace Slipway.Engine.Scheduling;

/// <summary>Takes the logits of a sequence's last position.</summary>
/// <param name="logits">[vocabulary], valid during the call only.</param>
internal delegate T LastLogits<T>(ReadOnlySpan<float> logits);

/// <summary>Runs tokens whose logits are wanted once, after the last one.</summary>
/// <param name="ids">The tokens.</param>
/// <param name="read">Makes the result of the logits, on the engine's thread.</param>
internal sealed class LastLogitsSequence<T>(IReadOnlyList<int> ids, LastLogits<T> read) : Sequence(ids)
{
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<T> Completion => _completion.Task;

    public override bool ScoresEveryPosition => false;

    public override int Reservation => PromptLength;

    public override void Start()
    {
    }

    public override bool Advance(int start, ReadOnlySpan<float> logits)
    {
        if (UncomputedTokens > 0)
        {
            return false;
        }

        _completion.TrySetResult(read(logits));
        return true;
    }

    public override void Fail(Exception error) => _completion.TrySetException(error);
}
