using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Slipway.Kernels.Attention;

/// <summary>Attention of one head of keys over a block of tokens, segment by segment.</summary>
/// <remarks>
/// A segment gives each row its largest score, the sum of exp(score − largest), and the values weighted by those. Segments are
/// joined in their order, so it is all one whether one task or several compute them.
/// Source: Dao, "FlashAttention-2", 2023; Dao and others, "Flash-Decoding", 2023.
/// </remarks>
internal unsafe ref struct AttentionRows
{
    // A block has about as many rows: each reads all keys and values once, and keeps scores of all its rows.
    private const int Usual = 32;

    private readonly ref readonly AttentionCall call;
    private readonly int sequence;
    private readonly int head;
    private readonly int firstToken;
    private readonly int rows;
    private readonly float* scores;
    private readonly float* keys;
    private readonly float* values;

    /// <param name="call">The run.</param>
    /// <param name="sequence">The sequence.</param>
    /// <param name="head">The head of keys.</param>
    /// <param name="block">The block of tokens.</param>
    /// <param name="scratch">Memory of <see cref="ScratchFloats"/>.</param>
    public AttentionRows(in AttentionCall call, int sequence, int head, int block, float* scratch)
    {
        this.call = ref call;
        this.sequence = sequence;
        this.head = head;
        firstToken = block * call.BlockTokens;
        rows = Math.Min(call.BlockTokens, call.Tokens - firstToken) * call.Shape.Group;
        scores = scratch;
        keys = scores + (call.BlockTokens * call.Shape.Group * AttentionSegment.Length);
        values = keys + (AttentionSegment.Tile * call.HeadDim);
    }

    /// <summary>Tokens of a block: as many as make rows by fours, as <see cref="AttentionSegment"/> computes them.</summary>
    /// <param name="group">Heads that share one of keys.</param>
    public static int BlockTokens(int group)
    {
        var whole = group % 4 == 0 ? 1 : group % 2 == 0 ? 2 : 4;
        return Math.Max(1, (int)Math.Round((double)Usual / group / whole)) * whole;
    }

    private readonly int FirstPosition => call.Past(sequence) + firstToken;

    private readonly int LastPosition => FirstPosition + (rows / call.Shape.Group) - 1;

    /// <summary>The first segment that a row sees anything of.</summary>
    public readonly int FirstSegment
        => call.Shape.Window > 0 ? Math.Max(0, FirstPosition - call.Shape.Window + 1) / AttentionSegment.Length : 0;

    /// <summary>One after the last such segment.</summary>
    public readonly int EndSegment => (LastPosition / AttentionSegment.Length) + 1;

    /// <summary>Numbers of a row of a segment: its largest score, its sum, and its values.</summary>
    public static int RowFloats(int headDim) => headDim + 16;

    /// <summary>What rows compute in, with room to begin at a line of memory.</summary>
    public static int ScratchFloats(in AttentionCall call)
        => 16 + (2 * AttentionSegment.Tile * call.HeadDim)
            + (call.BlockTokens * call.Shape.Group * (AttentionSegment.Length + (2 * RowFloats(call.HeadDim))));

    /// <summary>Where a row's numbers lie among those of single segments.</summary>
    public static float* Partial(in AttentionCall call, int sequence, int token, int head, int segment)
        => call.Partials + ((((((long)sequence * call.Tokens) + token) * call.Shape.Heads + head) * call.Segments) + segment)
            * RowFloats(call.HeadDim);

    /// <summary>Computes all segments and writes what comes out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void ComputeAll()
    {
        if (call.IsInactive(sequence))
        {
            return;
        }

        var total = values + (AttentionSegment.Tile * call.HeadDim);
        var one = total + (rows * RowFloats(call.HeadDim));
        for (var segment = FirstSegment; segment < EndSegment; segment++)
        {
            Compute(segment, one);
            for (var row = 0; row < rows; row++)
            {
                var at = row * RowFloats(call.HeadDim);
                Join(total + at, one + at, call.HeadDim, isFirst: segment == FirstSegment);
            }
        }

        for (var row = 0; row < rows; row++)
        {
            Finish(call, sequence, Token(row), Head(row), total + (row * RowFloats(call.HeadDim)));
        }
    }

    /// <summary>Computes one segment for <see cref="JoinAll"/>.</summary>
    public readonly void ComputeOne(int segment)
    {
        var one = values + (AttentionSegment.Tile * call.HeadDim);
        if (call.IsInactive(sequence) || segment < FirstSegment || segment >= EndSegment)
        {
            return;
        }

        Compute(segment, one);
        for (var row = 0; row < rows; row++)
        {
            new Span<float>(one + (row * RowFloats(call.HeadDim)), RowFloats(call.HeadDim)).CopyTo(
                new Span<float>(Partial(call, sequence, Token(row), Head(row), segment), RowFloats(call.HeadDim)));
        }
    }

    /// <summary>Joins the segments of each row of the block, which tasks of their own have computed.</summary>
    public readonly void JoinAll()
    {
        if (call.IsInactive(sequence))
        {
            return;
        }

        for (var row = 0; row < rows; row++)
        {
            var total = Partial(call, sequence, Token(row), Head(row), FirstSegment);
            for (var segment = FirstSegment + 1; segment < EndSegment; segment++)
            {
                Join(total, Partial(call, sequence, Token(row), Head(row), segment), call.HeadDim, isFirst: false);
            }

            Finish(call, sequence, Token(row), Head(row), total);
        }
    }

    private readonly int Token(int row) => firstToken + (row / call.Shape.Group);

    private readonly int Head(int row) => (head * call.Shape.Group) + (row % call.Shape.Group);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Compute(int segment, float* results)
    {
        var (size, stride) = (call.HeadDim, RowFloats(call.HeadDim));
        var first = segment * AttentionSegment.Length;
        var end = Math.Min(first + AttentionSegment.Length, LastPosition + 1);
        var queries = stackalloc float*[rows];
        for (var row = 0; row < rows; row++)
        {
            queries[row] = call.Rotated
                + (((((long)sequence * call.Tokens) + Token(row)) * call.Shape.Heads + Head(row)) * size);
        }

        for (var key = first; key < end; key += AttentionSegment.Tile)
        {
            LoadKeys(key);
            AttentionSegment.Score(queries, rows, keys, size, scores + (key - first));
        }

        for (var row = 0; row < rows; row++)
        {
            Weigh(row, first, end, results + (row * stride));
            new Span<float>(results + (row * stride) + 16, size).Clear();
        }

        for (var key = first; key < end; key += AttentionSegment.Tile)
        {
            var count = Math.Min(AttentionSegment.Tile, end - key);
            AttentionSegment.Add(scores + (key - first), rows, LoadValues(key, count), count, size, results + 16, stride);
        }
    }

    // The last tile may reach beyond the cache; its other keys are of no account.
    private readonly void LoadKeys(int position)
    {
        var source = At(call.KeyCache, position);
        var tileBytes = AttentionSegment.Tile * call.HeadDim * call.CacheBytes;
        if (position + AttentionSegment.Tile > call.Capacity)
        {
            var bytes = (call.Capacity - position) * call.HeadDim * call.CacheBytes;
            new Span<byte>(source, bytes).CopyTo(new Span<byte>(values, tileBytes));
            source = (byte*)values;
        }

        if (call.IsQuantized)
        {
            KeyTile.Transpose((sbyte*)source, call.HeadDim, keys);
        }
        else
        {
            KeyTile.Transpose((float*)source, call.HeadDim, keys);
        }
    }

    // Floats are read where they are.
    private readonly float* LoadValues(int position, int count)
    {
        var source = At(call.ValueCache, position);
        if (!call.IsQuantized)
        {
            return (float*)source;
        }

        AttentionSegment.Widen((sbyte*)source, count * call.HeadDim, values);
        return values;
    }

    // What follows is asked for, as pages end the processor's own reading ahead.
    private readonly byte* At(byte* cache, int position)
    {
        var source = call.At(cache, sequence, head, position);
        var bytes = AttentionSegment.Tile * call.HeadDim * call.CacheBytes;
        for (var i = 0; i < bytes; i += 64)
        {
            Sse.Prefetch0(source + bytes + i);
        }

        return source;
    }

    // Scores become weights; those of keys that the row does not see become zero.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Weigh(int row, int first, int end, float* result)
    {
        var position = call.Past(sequence) + Token(row);
        var own = scores + (row * AttentionSegment.Length);
        var seen = Math.Clamp(position + 1 - first, 0, end - first);
        var unseen = call.Shape.Window > 0
            ? Math.Clamp(position + 1 - call.Shape.Window - first, 0, seen) : 0;
        var padded = (end - first + AttentionSegment.Tile - 1) / AttentionSegment.Tile * AttentionSegment.Tile;
        if (call.Shape.Softcap > 0)
        {
            for (var i = unseen; i < seen; i++)
            {
                own[i] = call.Shape.Softcap * MathF.Tanh(own[i] / call.Shape.Softcap);
            }
        }

        new Span<float>(own, unseen).Fill(float.NegativeInfinity);
        new Span<float>(own + seen, padded - seen).Fill(float.NegativeInfinity);
        var largest = Vector512.Create(float.NegativeInfinity);
        for (var i = 0; i < padded; i += 16)
        {
            largest = Vector512.MaxNative(largest, Vector512.Load(own + i));
        }

        var most = TensorPrimitives.Max(new ReadOnlySpan<float>(&largest, 16));
        var (sum, shift) = (Vector512<float>.Zero, Vector512.Create(float.IsNegativeInfinity(most) ? 0 : most));
        for (var i = 0; i < padded; i += 16)
        {
            var weight = Exponential.Of(Vector512.Load(own + i) - shift);
            weight.Store(own + i);
            sum += weight;
        }

        (result[0], result[1]) = (most, Vector512.Sum(sum));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Join(float* total, float* one, int size, bool isFirst)
    {
        if (isFirst)
        {
            new Span<float>(one, size + 16).CopyTo(new Span<float>(total, size + 16));
            return;
        }

        // Nothing of the segment is seen.
        if (float.IsNegativeInfinity(one[0]))
        {
            return;
        }

        var most = MathF.Max(total[0], one[0]);
        var (x, y) = (MathF.Exp(total[0] - most), MathF.Exp(one[0] - most));
        (total[0], total[1]) = (most, (total[1] * x) + (one[1] * y));
        for (var i = 16; i < size + 16; i += 16)
        {
            ((Vector512.Load(total + i) * x) + (Vector512.Load(one + i) * y)).Store(total + i);
        }
    }

    private static void Finish(in AttentionCall call, int sequence, int token, int head, float* row)
    {
        var (most, sum, size) = (row[0], row[1], call.HeadDim);
        var shrink = 1f;
        if (call.Sinks is not null)
        {
            var larger = MathF.Max(most, call.Sinks[head]);
            shrink = MathF.Exp(most - larger);
            sum = (sum * shrink) + MathF.Exp(call.Sinks[head] - larger);
        }

        var target = new Span<float>(
            call.Output + (((((long)sequence * call.Tokens) + token) * call.Shape.Heads + head) * size), size);
        TensorPrimitives.Multiply(new ReadOnlySpan<float>(row + 16, size), shrink / sum, target);
        if (call.IsQuantized)
        {
            var scales = call.ValueScales + ((long)(head / call.Shape.Group) * size);
            TensorPrimitives.Multiply(target, new ReadOnlySpan<float>(scales, size), target);
        }
    }
}
