namespace Slipway.Engine;

// Tokens that sequences guess ahead: a run checks all of a sequence's, and those after the first wrong one are dropped.
internal sealed partial class ModelEngine
{
    // A guess is checked by a run of its own, since rows of several tokens each make no batch; among many sequences
    // a common step is faster.
    private List<(Sequence Sequence, ReadOnlyMemory<int> Draft)> Draft(Sequence[] batch)
    {
        var drafts = new List<(Sequence, ReadOnlyMemory<int>)>();
        if (!_decoder.CanEvictTokens || batch.Length > _options.DraftBatchSize)
        {
            return drafts;
        }

        foreach (var sequence in batch)
        {
            // A run has one set of rotary frequencies.
            var room = sequence.IsBeyondSwitch
                ? _decoder.Capacity : Math.Min(_decoder.Capacity, _decoder.LongRopeThreshold);
            var checkable = Math.Min(_decoder.MaxScoredChunk - 1, _decoder.MaxDraft(sequence.ComputedTokens));
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
        if (_draftModel is not null)
        {
            var cost = _pace.Step == default ? 0 : _draftModel.TokenTime / _pace.Step;
            Guard(sequence, [sequence], () => draft = sequence.Draft(room, _draftModel, cost));
        }

        return sequence.Slot < 0 ? default : draft;
    }

    private void Verify(Sequence sequence, ReadOnlyMemory<int> draft)
    {
        _telemetry.Step(1);
        Guard(sequence, [sequence], () =>
        {
            var start = sequence.ComputedTokens;
            int[] chunk = [sequence.Tokens[start], .. draft.Span];
            _decoder.Plan(start + chunk.Length);
            _decoder.BeginChunk(isPrompt: false);
            _decoder.Adapt([sequence.Adapter]);
            var logits = _decoder.Prefill(sequence.Slot, start, chunk, every: true);
            for (var i = 0; i < chunk.Length; i++)
            {
                // The run's tokens up to here are the sequence's own; keys and values beyond are written over.
                sequence.ComputedTokens++;
                Advance(sequence, start + i, logits.Slice(i * _vocabularySize, _vocabularySize));

                // Guidance may have added more than the token that was chosen: what comes next decides.
                if (sequence.Slot < 0 || i == draft.Length || chunk[i + 1] != sequence.Tokens[sequence.ComputedTokens])
                {
                    return;
                }
            }
        });
    }
}
