using System.Runtime.InteropServices;
using Slipway.Kernels.Threading;
using Slipway.Packaging.Kernels;

namespace Slipway.Kernels.Attention;

/// <summary>Makes room for new tokens in caches that keep a window, and tells where a run finds which.</summary>
/// <remarks>
/// <code>
/// a sequence's cache:   first │ first + 1 │ … │ last │ free        first = EvictedTokens(length), from position 0 on
/// </code>
/// What a full cache evicts goes together. Where new tokens see nothing of it, as one of a decode step, the rest moves
/// to the front and the run works in the cache. A longer chunk works in memory of its own, on the kept tokens and the
/// new ones, of which the last then go to the cache. Positions are those of the whole sequence either way.
/// </remarks>
internal sealed unsafe class SlidingRun : IDisposable
{
    private readonly KernelThreads _threads;
    private readonly AttentionCall _cached;
    private readonly int[] _firsts;
    private readonly int[] _starts;
    private readonly int[] _counts;
    private byte* _staged;

    /// <param name="call">The run on the caches.</param>
    /// <param name="threads">Copies.</param>
    public SlidingRun(in AttentionCall call, KernelThreads threads)
    {
        _threads = threads;
        _cached = call;
        _firsts = new int[call.Batch];
        _starts = new int[call.Batch];
        _counts = new int[call.Batch];
        Call = call;
    }

    /// <summary>The run on what <see cref="Begin"/> made ready, but for <see cref="AttentionCall.Firsts"/>.</summary>
    public AttentionCall Call { get; private set; }

    /// <summary>The position of each sequence's first key in the buffers of <see cref="Call"/>.</summary>
    public ReadOnlySpan<int> Firsts => _firsts;

    /// <summary>Makes room for the new tokens.</summary>
    public void Begin()
    {
        var (capacity, moves) = (0, false);
        for (var sequence = 0; sequence < _cached.Batch; sequence++)
        {
            if (_cached.IsInactive(sequence))
            {
                continue;
            }

            var past = _cached.Past(sequence);
            var (before, after) = (Evicted(past), Evicted(past + _cached.Tokens));
            moves |= after > before;
            if (after > before && after > past + 1 - _cached.Shape.Window)
            {
                capacity = Math.Max(capacity, past + _cached.Tokens - before);
            }
        }

        if (capacity > 0)
        {
            Stage(capacity);
        }
        else
        {
            Evict(moves);
        }
    }

    /// <summary>Puts what caches keep of a run in memory of its own back to them.</summary>
    public void End()
    {
        if (_staged is null)
        {
            return;
        }

        for (var sequence = 0; sequence < _cached.Batch; sequence++)
        {
            var length = _cached.Past(sequence) + _cached.Tokens;
            (_starts[sequence], _counts[sequence]) = _cached.IsInactive(sequence)
                ? (0, 0) : (Evicted(length) - _firsts[sequence], length - Evicted(length));
        }

        Move(Call, _cached);
    }

    public void Dispose() => NativeMemory.Free(_staged);

    // The longest chunk's memory serves all sequences of the run.
    private void Stage(int capacity)
    {
        for (var sequence = 0; sequence < _cached.Batch; sequence++)
        {
            var past = _cached.Past(sequence);
            _firsts[sequence] = _cached.IsInactive(sequence) ? 0 : Evicted(past);
            _counts[sequence] = _cached.IsInactive(sequence) ? 0 : past - _firsts[sequence];
            capacity = Math.Max(capacity, _counts[sequence] + _cached.Tokens);
        }

        var bytes = (nuint)((long)_cached.Batch * _cached.Shape.KeyValueHeads * capacity * _cached.RowBytes);
        _staged = (byte*)NativeMemory.Alloc(2, bytes);
        Call = _cached with { KeyCache = _staged, ValueCache = _staged + bytes, Capacity = capacity };
        Move(_cached, Call);
    }

    private void Evict(bool moves)
    {
        for (var sequence = 0; sequence < _cached.Batch; sequence++)
        {
            if (!_cached.IsInactive(sequence))
            {
                var past = _cached.Past(sequence);
                var (before, after) = (Evicted(past), Evicted(past + _cached.Tokens));
                _firsts[sequence] = after;
                (_starts[sequence], _counts[sequence]) = (after - before, after > before ? past - after : 0);
            }
        }

        if (moves)
        {
            Move(_cached, _cached);
        }
    }

    private int Evicted(int length)
        => AttentionContract.EvictedTokens(length, _cached.Shape.Window, _cached.Capacity);

    private void Move(in AttentionCall source, in AttentionCall target)
    {
        fixed (int* starts = _starts, counts = _counts)
        {
            CacheMove move = new()
            {
                SourceKeys = source.KeyCache,
                SourceValues = source.ValueCache,
                SourceCapacity = source.Capacity,
                TargetKeys = target.KeyCache,
                TargetValues = target.ValueCache,
                TargetCapacity = target.Capacity,
                Starts = starts,
                Counts = counts,
                Heads = source.Shape.KeyValueHeads,
                RowBytes = source.RowBytes,
            };
            _threads.For(source.Batch * source.Shape.KeyValueHeads, &CacheMove.Part, &move);
        }
    }
}
