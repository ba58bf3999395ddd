using System.Diagnostics;

namespace Slipway.Engine;

// What a step computes: the next chunk of one prompt, and one token of every sequence that decodes.
internal sealed partial class ModelEngine
{
    private readonly PrefillPace pace = new();
    private int[] tokens = [];
    private int[] lengths = [];
    private int[] adapters = [];

    // A sequence that outgrew the first set of rotary frequencies is a prompt again, and computed with the second.
    private void RestartBeyondSwitch()
    {
        foreach (var sequence in scheduler.Rows.Active)
        {
            if (sequence is { Computed: > 0, IsBeyondSwitch: false } && IsBeyondSwitch(sequence))
            {
                sequence.Computed = 0;
            }
        }
    }

    private bool IsBeyondSwitch(Sequence sequence) => sequence.Tokens.Length > decoder.RotarySwitch;

    // Tokens that guidance chose beside the last one are few, and their answers do not wait for others' prompts.
    private void StepPrompts(bool isMoved)
    {
        StepAnswers();

        // Where rows were moved to make room, those that decode have waited for that already.
        var waits = isMoved && !scheduler.Rows.Active.All(Scheduler.IsPrompt);
        if (!waits && scheduler.NextPrompt() is { } next)
        {
            StepPrompt(next);
        }
    }

    private void StepAnswers()
    {
        foreach (var sequence in scheduler.Rows.Active.Where(Scheduler.IsAnswering).ToArray())
        {
            StepPrompt(sequence);
        }
    }

    private void StepPrompt(Sequence sequence)
    {
        var alone = scheduler.Rows.Active.All(Scheduler.IsPrompt);
        var largest = sequence.ScoresEveryPosition ? decoder.LargestScoredChunk : decoder.LargestChunk;
        var count = Math.Min(Math.Min(alone ? options.PrefillChunk : SharedChunk(), largest), sequence.Pending);
        Guard(sequence, [sequence], () =>
        {
            if (sequence.Computed == 0)
            {
                sequence.IsBeyondSwitch = IsBeyondSwitch(sequence);
            }

            // Known beginnings were computed with the first set of frequencies.
            if (sequence is { Computed: 0, ScoresEveryPosition: false, IsBeyondSwitch: false })
            {
                StoreWhatOthersShare(sequence);
                prefixes.Restore(sequence);
            }

            var start = sequence.Computed;
            var isPrompt = start < sequence.PromptLength;
            count = Math.Min(count, sequence.Pending);
            var chunk = sequence.Tokens.Slice(start, count);
            KeepWhatGivesWay(sequence, count);
            decoder.Plan(sequence.Tokens.Length);
            decoder.BeginChunk(isPrompt);
            decoder.Adapt([sequence.Adapter]);
            var logits = Prefill(sequence, start, chunk, isInterruptible: isPrompt && !alone);
            sequence.Computed += count;
            Advance(sequence, start, logits);
        });
    }

    // A row is kept when it ends; those still running are when another prompt begins like them.
    private void StoreWhatOthersShare(Sequence sequence)
    {
        foreach (var other in scheduler.Rows.Active)
        {
            if (other != sequence && other.Adapter == sequence.Adapter)
            {
                Keep(other, other.Tokens[..other.Computed].CommonPrefixLength(sequence.Tokens));
            }
        }
    }

    // Layers with a window have a token only until the window left it.
    private void KeepWhatGivesWay(Sequence sequence, int count)
    {
        if (decoder.WindowStart(sequence.Computed + count) > decoder.WindowStart(sequence.Computed))
        {
            Keep(sequence, sequence.Computed);
        }
    }

    private void Keep(Sequence sequence, int length)
    {
        if (length >= PrefixCache.BlockTokens && sequence is { ScoresEveryPosition: false, IsBeyondSwitch: false })
        {
            prefixes.Store(sequence.Row, sequence.Tokens[..length], sequence.Adapter);
        }
    }

    private void StepDecode()
    {
        // Of the prompt whose run is interrupted a single token may be left.
        var batch = scheduler.Rows.Active
            .Where(sequence => !Scheduler.IsPrompt(sequence) && sequence != interrupted && !sequence.IsCancelled).ToArray();
        Array.ForEach(batch, sequence => KeepWhatGivesWay(sequence, 1));
        var drafts = Draft(batch);
        Decode([.. batch.Except(drafts.Select(pair => pair.Sequence)).Where(sequence => sequence.Row >= 0)]);
        drafts.ForEach(pair => Check(pair.Sequence, pair.Draft));
    }

    private void Decode(Sequence[] batch)
    {
        if (batch.Length == 0)
        {
            return;
        }

        if (interrupted is null && scheduler.Rows.Count < scheduler.Rows.End)
        {
            scheduler.Rows.Compact();
        }

        var rows = batch.Max(sequence => sequence.Row) + 1;
        if (tokens.Length < rows)
        {
            tokens = new int[rows];
            lengths = new int[rows];
            adapters = new int[rows];
        }

        for (var row = 0; row < rows; row++)
        {
            // Another row, such as one whose prompt is under way, runs along; what that writes lies beyond its end
            // and is overwritten.
            var sequence = scheduler.Rows[row];
            lengths[row] = sequence?.Computed ?? 0;
            tokens[row] = batch.Contains(sequence) ? sequence!.Tokens[lengths[row]] : -1;
            adapters[row] = tokens[row] < 0 ? 0 : sequence!.Adapter;
        }

        telemetry.Step(batch.Length);
        Guard(null, batch, () =>
        {
            decoder.Adapt(adapters.AsSpan(0, rows));
            var started = Stopwatch.GetTimestamp();
            var logits = decoder.Decode(tokens.AsSpan(0, rows), lengths.AsSpan(0, rows));
            foreach (var sequence in batch)
            {
                sequence.Computed++;
            }

            foreach (var sequence in batch)
            {
                var row = sequence.Row;
                Advance(sequence, sequence.Computed - 1, logits.Slice(row * vocabularySize, vocabularySize));
            }

            pace.Decoded(
                Stopwatch.GetElapsedTime(started), batch.Length, isQuiet: !scheduler.Rows.Active.Any(Scheduler.IsPrompt));

            // Whoever reads the tokens may wait for this core.
            Thread.Yield();
        });
    }

    private void Advance(Sequence sequence, int start, ReadOnlySpan<float> logits)
    {
        try
        {
            var row = sequence.Row;
            if (sequence.Advance(start, logits))
            {
                scheduler.Rows.Remove(sequence);
                if (sequence is { ScoresEveryPosition: false, IsBeyondSwitch: false })
                {
                    prefixes.Store(row, sequence.Tokens[..sequence.Computed], sequence.Adapter);
                }
            }
        }
#pragma warning disable CA1031 // A caller's processor may throw anything; only its own request may suffer.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Fail(other => other == sequence, e);
        }
    }
}
