using Slipway.Engine.Execution;
using Slipway.Speculation;

namespace Slipway.Engine.Scheduling;

/// <summary>Takes the logits of a sequence's tokens that were run.</summary>
/// <param name="sequence">The sequence.</param>
/// <param name="start">The position that the first row of logits belongs to.</param>
/// <param name="logits">[tokens, vocabulary] or those of the last token, [vocabulary].</param>
internal delegate void AdvanceSequence(Sequence sequence, int start, ReadOnlySpan<float> logits);

/// <summary>Proposes tokens that may follow and verifies them: one run computes the logits of all of them.</summary>
/// <remarks>
/// Each sequence's draft is verified in a run of its own, since slots with different counts of tokens make no batch;
/// among many sequences a common step is faster, so none is drafted. Belongs to the engine's thread.
/// </remarks>
/// <param name="decoder">Limits what can be verified.</param>
/// <param name="draftModel">Drafts where the text itself gives nothing to go by; null for none.</param>
/// <param name="maxBatchSize">The maximum of sequences that decode while drafts are made.</param>
/// <param name="sizer">Knows how long a decode step takes.</param>
/// <param name="guard">Runs the draft model.</param>
internal sealed class SpeculativeDecoding(
    IDecoder decoder, DraftModel? draftModel, int maxBatchSize, PrefillChunkSizer sizer, RunGuard guard)
{
    /// <summary>Drafts what follows in the sequences of a batch; those without a draft are left out.</summary>
    public IReadOnlyList<DraftVerification> Propose(Sequence[] batch)
    {
        if (!decoder.CanEvictTokens || batch.Length > maxBatchSize)
        {
            return [];
        }

        var verifications = new List<DraftVerification>();
        foreach (var sequence in batch)
        {
            var draft = Propose(sequence);
            if (!draft.IsEmpty)
            {
                verifications.Add(new DraftVerification(sequence, draft));
            }
        }

        return verifications;
    }

    /// <summary>
    /// Advances a sequence by its next token, and by drafted ones up to the first that is not chosen.
    /// </summary>
    /// <param name="run">The verification that was run.</param>
    /// <param name="logits">[tokens, vocabulary]</param>
    /// <param name="vocabularySize">Logits of one token.</param>
    /// <param name="advance">Takes the logits of one token.</param>
    public static void Verify(
        DraftVerification run, ReadOnlySpan<float> logits, int vocabularySize, AdvanceSequence advance)
    {
        var sequence = run.Sequences[0];
        for (var i = 0; i < run.Tokens.Length; i++)
        {
            // Keys and values of tokens beyond the computed ones are overwritten.
            sequence.ComputedTokens++;
            advance(sequence, run.Start + i, logits.Slice(i * vocabularySize, vocabularySize));

            // Guidance may have added more than the token that was chosen: the one that comes next decides.
            if (sequence.Slot < 0 || i + 1 == run.Tokens.Length
                || run.Tokens[i + 1] != sequence.Tokens[sequence.ComputedTokens])
            {
                return;
            }
        }
    }

    private ReadOnlyMemory<int> Propose(Sequence sequence)
    {
        // A run has one set of rotary frequencies.
        var capacity = sequence.UsesLongRope ? decoder.Capacity : Math.Min(decoder.Capacity, decoder.LongRopeThreshold);
        var verifiable = Math.Min(decoder.MaxScoredTokens - 1, decoder.MaxDraft(sequence.ComputedTokens));
        var room = Math.Min(capacity - sequence.Tokens.Length, verifiable);
        var draft = sequence.Draft(room);
        if (!draft.IsEmpty || draftModel is null)
        {
            return draft;
        }

        // A run of the draft model that fails is the sequence's own failure, as any other of its runs.
        var cost = sizer.DecodeTime == default ? 0 : draftModel.TokenTime / sizer.DecodeTime;
        guard.Run(sequence, [sequence], () => draft = sequence.Draft(room, draftModel, cost));
        return sequence.Slot < 0 ? default : draft;
    }
}
