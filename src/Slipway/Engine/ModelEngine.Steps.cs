using System.Diagnostics;

namespace Slipway.Engine;

// What a step computes: the next chunk of one prompt, and one token of every sequence that decodes.
internal sealed partial class ModelEngine
{
    private readonly PrefillChunkSizer _pace = new();
    private int[] _tokens = [];
    private int[] _lengths = [];
    private int[] _adapters = [];

    // A sequence that outgrew the first set of rotary frequencies is a prompt again, and computed with the second.
    private void RestartBeyondSwitch()
    {
        foreach (var sequence in _scheduler.Rows.Active)
        {
            if (sequence is { ComputedTokens: > 0, IsBeyondSwitch: false } && IsBeyondSwitch(sequence))
            {
                sequence.ComputedTokens = 0;
            }
        }
    }

    private bool IsBeyondSwitch(Sequence sequence) => sequence.Tokens.Length > _decoder.LongRopeThreshold;

    // Tokens that guidance chose beside the last one are few, and their answers do not wait for others' prompts.
    private void StepPrompts(bool isMoved)
    {
        StepAnswers();

        // Where rows were moved to make room, those that decode have waited for that already.
        var waits = isMoved && !_scheduler.Rows.Active.All(Scheduler.NeedsPrefill);
        if (!waits && _scheduler.NextPrompt() is { } next)
        {
            StepPrompt(next);
        }
    }

    private void StepAnswers()
    {
        foreach (var sequence in _scheduler.Rows.Active.Where(Scheduler.IsAnswering).ToArray())
        {
            StepPrompt(sequence);
        }
    }

    private void StepPrompt(Sequence sequence)
    {
        var alone = _scheduler.Rows.Active.All(Scheduler.NeedsPrefill);
        var max = sequence.ScoresEveryPosition ? _decoder.MaxScoredChunk : _decoder.MaxChunk;
        var count = Math.Min(
            Math.Min(alone ? _options.MaxPrefillTokens : SharedChunk(), max), sequence.UncomputedTokens);
        Guard(sequence, [sequence], () =>
        {
            if (sequence.ComputedTokens == 0)
            {
                sequence.IsBeyondSwitch = IsBeyondSwitch(sequence);
            }

            // Known beginnings were computed with the first set of frequencies.
            if (sequence is { ComputedTokens: 0, ScoresEveryPosition: false, IsBeyondSwitch: false })
            {
                StoreWhatOthersShare(sequence);
                _prefixes.Restore(sequence);
            }

            var start = sequence.ComputedTokens;
            var isPrompt = start < sequence.PromptLength;
            count = Math.Min(count, sequence.UncomputedTokens);
            var chunk = sequence.Tokens.Slice(start, count);
            KeepWhatGivesWay(sequence, count);
            _decoder.Plan(sequence.Tokens.Length);
            _decoder.BeginChunk(isPrompt);
            _decoder.Adapt([sequence.Adapter]);
            var logits = Prefill(sequence, start, chunk, isInterruptible: isPrompt && !alone);
            sequence.ComputedTokens += count;
            Advance(sequence, start, logits);
        });
    }

    // A row is kept when it ends; those still running are when another prompt begins like them.
    private void StoreWhatOthersShare(Sequence sequence)
    {
        foreach (var other in _scheduler.Rows.Active)
        {
            if (other != sequence && other.Adapter == sequence.Adapter)
            {
                Keep(other, other.Tokens[..other.ComputedTokens].CommonPrefixLength(sequence.Tokens));
            }
        }
    }

    // Layers with a window have a token only until the window left it.
    private void KeepWhatGivesWay(Sequence sequence, int count)
    {
        if (_decoder.WindowStart(sequence.ComputedTokens + count) > _decoder.WindowStart(sequence.ComputedTokens))
        {
            Keep(sequence, sequence.ComputedTokens);
        }
    }

    private void Keep(Sequence sequence, int length)
    {
        if (length >= PrefixCache.BlockTokens && sequence is { ScoresEveryPosition: false, IsBeyondSwitch: false })
        {
            _prefixes.Store(sequence.Slot, sequence.Tokens[..length], sequence.Adapter);
        }
    }

    private void StepDecode()
    {
        // Of the prompt whose run is interrupted a single token may be left.
        var batch = _scheduler.Rows.Active
            .Where(sequence => !Scheduler.NeedsPrefill(sequence) && sequence != _interrupted && !sequence.IsCancelled)
            .ToArray();
        Array.ForEach(batch, sequence => KeepWhatGivesWay(sequence, 1));
        var drafts = Draft(batch);
        Decode([.. batch.Except(drafts.Select(pair => pair.Sequence)).Where(sequence => sequence.Slot >= 0)]);
        drafts.ForEach(pair => Verify(pair.Sequence, pair.Draft));
    }

    private void Decode(Sequence[] batch)
    {
        if (batch.Length == 0)
        {
            return;
        }

        if (_interrupted is null && _scheduler.Rows.Count < _scheduler.Rows.End)
        {
            _scheduler.Rows.Compact();
        }

        var rows = batch.Max(sequence => sequence.Slot) + 1;
        if (_tokens.Length < rows)
        {
            _tokens = new int[rows];
            _lengths = new int[rows];
            _adapters = new int[rows];
        }

        for (var row = 0; row < rows; row++)
        {
            // Another row, such as one whose prompt is under way, runs along; what that writes lies beyond its end
            // and is overwritten.
            var sequence = _scheduler.Rows[row];
            _lengths[row] = sequence?.ComputedTokens ?? 0;
            _tokens[row] = batch.Contains(sequence) ? sequence!.Tokens[_lengths[row]] : -1;
            _adapters[row] = _tokens[row] < 0 ? 0 : sequence!.Adapter;
        }

        _telemetry.Step(batch.Length);
        Guard(null, batch, () =>
        {
            _decoder.Adapt(_adapters.AsSpan(0, rows));
            var started = Stopwatch.GetTimestamp();
            var logits = _decoder.Decode(_tokens.AsSpan(0, rows), _lengths.AsSpan(0, rows));
            foreach (var sequence in batch)
            {
                sequence.ComputedTokens++;
            }

            foreach (var sequence in batch)
            {
                var row = sequence.Slot;
                Advance(sequence, sequence.ComputedTokens - 1, logits.Slice(row * _vocabularySize, _vocabularySize));
            }

            _pace.Decoded(
                Stopwatch.GetElapsedTime(started), batch.Length,
                isQuiet: !_scheduler.Rows.Active.Any(Scheduler.NeedsPrefill));

            // Whoever reads the tokens may wait for this core.
            Thread.Yield();
        });
    }

    private void Advance(Sequence sequence, int start, ReadOnlySpan<float> logits)
    {
        try
        {
            var row = sequence.Slot;
            if (sequence.Advance(start, logits))
            {
                _scheduler.Rows.Remove(sequence);
                if (sequence is { ScoresEveryPosition: false, IsBeyondSwitch: false })
                {
                    _prefixes.Store(row, sequence.Tokens[..sequence.ComputedTokens], sequence.Adapter);
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
