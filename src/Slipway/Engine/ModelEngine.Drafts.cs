namespace Slipway.Engine;

// Tokens that sequences guess ahead: a run checks all of a sequence's, and those after the first wrong one are dropped.
internal sealed partial class ModelEngine
{
    // A guess is checked by a run of its own, since rows of several tokens each make no batch; among many sequences
    // a common step is faster.
    private List<(Sequence Sequence, ReadOnlyMemory<int> Draft)> Draft(Sequence[] batch)
    {
        var drafts = new List<(Sequence, ReadOnlyMemory<int>)>();
        if (!decoder.CanDropTokens || batch.Length > options.DraftBatchSize)
        {
            return drafts;
        }

        foreach (var sequence in batch)
        {
            // A run has one set of rotary frequencies.
            var room = sequence.IsBeyondSwitch ? decoder.Capacity : Math.Min(decoder.Capacity, decoder.RotarySwitch);
            var checkable = Math.Min(decoder.LargestScoredChunk - 1, decoder.LargestDraft(sequence.Computed));
            room = Math.Min(room - sequence.Tokens.Length, checkable);
            var draft = sequence.Draft(room);
            draft = draft.IsEmpty ? DraftByModel(sequence, room) : draft;
            if (!draft.IsEmpty)
            {
                drafts.Add((sequence, draft));
            }
        }

        return drafts;
    }

    // A run of the smaller model that fails is the sequence's own failure, as any other of its runs.
    private ReadOnlyMemory<int> DraftByModel(Sequence sequence, int room)
    {
        ReadOnlyMemory<int> draft = default;
        if (draftModel is not null)
        {
            var cost = pace.Step == default ? 0 : draftModel.TokenTime / pace.Step;
            Guard(sequence, [sequence], () => draft = sequence.Draft(room, draftModel, cost));
        }

        return sequence.Row < 0 ? default : draft;
    }

    private void Check(Sequence sequence, ReadOnlyMemory<int> draft)
    {
        telemetry.Step(1);
        Guard(sequence, [sequence], () =>
        {
            var start = sequence.Computed;
            int[] chunk = [sequence.Tokens[start], .. draft.Span];
            decoder.Plan(start + chunk.Length);
            decoder.BeginChunk(isPrompt: false);
            decoder.Adapt([sequence.Adapter]);
            var logits = decoder.Prefill(sequence.Row, start, chunk, every: true);
            for (var i = 0; i < chunk.Length; i++)
            {
                // The run's tokens up to here are the sequence's own; keys and values beyond are written over.
                sequence.Computed++;
                Advance(sequence, start + i, logits.Slice(i * vocabularySize, vocabularySize));

                // Guidance may have added more than the token that was chosen: what comes next decides.
                if (sequence.Row < 0 || i == draft.Length || chunk[i + 1] != sequence.Tokens[sequence.Computed])
                {
                    return;
                }
            }
        });
    }
}
