using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slipway.Kernels.Attention;

/// <summary>Computes attention of one head of keys over a block of tokens, segment by segment.</summary>
/// <remarks>
/// <code>
/// segment: m = max(s), l = Σ exp(s − m), o = Σ exp(s − m) * v        with s = softcap(scale * q · k)
/// join:    m' = max(m1, m2), l' = l1 * exp(m1 − m') + l2 * exp(m2 − m'), o' likewise
/// finish:  y = o / (l + exp(sink − m))
/// row of a segment in memory: m │ l │ 14 unused │ o [head_dim]
/// </code>
/// Segments are joined in their order, so it is all one whether one task or several compute them.
/// Source: Dao, "FlashAttention-2", 2023; Dao and others, "Flash-Decoding", 2023.
/// </remarks>
internal unsafe ref struct AttentionRows
{
    // A block has about as many rows: each reads all keys and values once, and keeps scores of all its rows.
    private const int Usual = 64;

    private readonly ref readonly AttentionCall _call;
    private readonly int _sequence;
    private readonly int _head;
    private readonly int _firstToken;
    private readonly int _rows;
    private readonly float* _scores;
    private readonly float* _keys;
    private readonly float* _values;

    /// <param name="call">The run.</param>
    /// <param name="sequence">The sequence.</param>
    /// <param name="head">The head of keys.</param>
    /// <param name="block">The block of tokens.</param>
    /// <param name="scratch">Memory of <see cref="ScratchFloats"/>.</param>
    public AttentionRows(in AttentionCall call, int sequence, int head, int block, float* scratch)
    {
        _call = ref call;
        _sequence = sequence;
        _head = head;
        _firstToken = block * call.BlockTokens;
        _rows = Math.Min(call.BlockTokens, call.Tokens - _firstToken) * call.Shape.Group;
        _scores = scratch;
        _keys = _scores + (call.BlockTokens * call.Shape.Group * AttentionSegment.Length);
        _values = _keys + (AttentionSegment.Tile * call.HeadDim);
    }

    /// <summary>
    /// Tokens of a block: as many as make rows by fours, as <see cref="AttentionSegment"/> computes them.
    /// </summary>
    /// <param name="group">Heads that share one of keys.</param>
    public static int BlockTokens(int group)
    {
        var whole = group % 4 == 0 ? 1 : group % 2 == 0 ? 2 : 4;
        return Math.Max(1, (int)Math.Round((double)Usual / group / whole)) * whole;
    }

    private readonly int FirstPosition => _call.Past(_sequence) + _firstToken;

    private readonly int FirstSeen
        => _call.Shape.Window > 0 ? Math.Max(0, FirstPosition - _call.Shape.Window + 1) : 0;

    private readonly int LastPosition => FirstPosition + (_rows / _call.Shape.Group) - 1;

    /// <summary>The first segment that a row sees anything of.</summary>
    public readonly int FirstSegment => FirstSeen / AttentionSegment.Length;

    /// <summary>One after the last such segment.</summary>
    public readonly int EndSegment => (LastPosition / AttentionSegment.Length) + 1;

    /// <summary>The most segments that a block of tokens sees.</summary>
    /// <param name="call">The run.</param>
    /// <param name="longest">Tokens of the longest sequence.</param>
    public static int MaxSegments(in AttentionCall call, int longest)
    {
        var all = (longest + AttentionSegment.Length - 1) / AttentionSegment.Length;
        return call.Shape.Window > 0
            ? Math.Min(all, ((call.Shape.Window + call.BlockTokens - 2) / AttentionSegment.Length) + 2) : all;
    }

    /// <summary>Numbers of a row of a segment: its largest score, its sum, and its values.</summary>
    public static int RowFloats(int headDim) => headDim + 16;

    /// <summary>Floats of the scratch memory, with room to begin at a line of memory.</summary>
    public static int ScratchFloats(in AttentionCall call)
        => 16 + (2 * AttentionSegment.Tile * call.HeadDim)
            + (call.BlockTokens * call.Shape.Group * (AttentionSegment.Length + (2 * RowFloats(call.HeadDim))));

    /// <summary>
    /// Locates a row's numbers among those of single segments, of which the first that its block sees is 0.
    /// </summary>
    public static float* Partial(in AttentionCall call, int sequence, int token, int head, int segment)
    {
        var row = ((((long)sequence * call.Tokens) + token) * call.Shape.NumAttentionHeads) + head;
        return call.Partials + (((row * call.Segments) + segment) * RowFloats(call.HeadDim));
    }

    /// <summary>Computes all segments and writes what comes out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void ComputeAll()
    {
        if (_call.IsInactive(_sequence))
        {
            return;
        }

        var total = _values + (AttentionSegment.Tile * _call.HeadDim);
        var one = total + (_rows * RowFloats(_call.HeadDim));
        for (var segment = FirstSegment; segment < EndSegment; segment++)
        {
            Compute(segment, one);
            for (var row = 0; row < _rows; row++)
            {
                var at = row * RowFloats(_call.HeadDim);
                Join(total + at, one + at, _call.HeadDim, isFirst: segment == FirstSegment);
            }
        }

        for (var row = 0; row < _rows; row++)
        {
            Finish(_call, _sequence, Token(row), Head(row), total + (row * RowFloats(_call.HeadDim)));
        }
    }

    /// <summary>Computes one segment for <see cref="JoinAll"/>.</summary>
    /// <param name="index">The segment, the first that the block sees being 0.</param>
    public readonly void ComputeOne(int index)
    {
        var segment = FirstSegment + index;
        var one = _values + (AttentionSegment.Tile * _call.HeadDim);
        if (_call.IsInactive(_sequence) || segment >= EndSegment)
        {
            return;
        }

        Compute(segment, one);
        for (var row = 0; row < _rows; row++)
        {
            new Span<float>(one + (row * RowFloats(_call.HeadDim)), RowFloats(_call.HeadDim)).CopyTo(
                new Span<float>(Partial(_call, _sequence, Token(row), Head(row), index), RowFloats(_call.HeadDim)));
        }
    }

    /// <summary>Joins the segments of each row of the block, which tasks of their own have computed.</summary>
    public readonly void JoinAll()
    {
        if (_call.IsInactive(_sequence))
        {
            return;
        }

        for (var row = 0; row < _rows; row++)
        {
            var total = Partial(_call, _sequence, Token(row), Head(row), 0);
            for (var index = 1; index < EndSegment - FirstSegment; index++)
            {
                Join(total, Partial(_call, _sequence, Token(row), Head(row), index), _call.HeadDim, isFirst: false);
            }

            Finish(_call, _sequence, Token(row), Head(row), total);
        }
    }

    private readonly int Token(int row) => _firstToken + (row / _call.Shape.Group);

    private readonly int Head(int row) => (_head * _call.Shape.Group) + (row % _call.Shape.Group);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Compute(int segment, float* results)
    {
        var (size, stride) = (_call.HeadDim, RowFloats(_call.HeadDim));
        var first = segment * AttentionSegment.Length;

        // Tiles before that weigh nothing in any row, and a window's cache has them no longer.
        var seen = Math.Max(first, FirstSeen / AttentionSegment.Tile * AttentionSegment.Tile);
        var end = Math.Min(first + AttentionSegment.Length, LastPosition + 1);
        var queries = stackalloc float*[_rows];
        for (var row = 0; row < _rows; row++)
        {
            queries[row] = _call.Rotated
                + (((((long)_sequence * _call.Tokens) + Token(row)) * _call.Shape.NumAttentionHeads + Head(row))
                * size);
        }

        // Each tile asks for the one that is read after it.
        for (var key = seen; key < end; key += AttentionSegment.Tile)
        {
            LoadKeys(key, key + AttentionSegment.Tile < end
                ? At(_call.KeyCache, key + AttentionSegment.Tile) : At(_call.ValueCache, seen));
            AttentionSegment.Score(queries, _rows, _keys, size, _scores + (key - first));
        }

        for (var row = 0; row < _rows; row++)
        {
            Weigh(row, first, end, results + (row * stride));
            new Span<float>(results + (row * stride) + 16, size).Clear();
        }

        for (var key = seen; key < end; key += AttentionSegment.Tile)
        {
            var held = Math.Max(key, _call.First(_sequence));
            var count = Math.Min(key + AttentionSegment.Tile, end) - held;
            AddValues(
                held, count, _scores + (held - first), results + 16, stride,
                At(key + AttentionSegment.Tile < end ? _call.ValueCache : _call.KeyCache, key + AttentionSegment.Tile));
        }
    }

    // The last tile may reach beyond the cache, and the first of a window begin before; their other keys are of no
    // account.
    private readonly void LoadKeys(int position, byte* next)
    {
        var first = Math.Max(position, _call.First(_sequence));
        var end = Math.Min(position + AttentionSegment.Tile, _call.First(_sequence) + _call.Capacity);
        var source = At(_call.KeyCache, first);
        if (_call.Format == CacheFormat.Int4)
        {
            // Unpacked in place of values, which are loaded later.
            var values = _values + ((first - position) * _call.HeadDim);
            QuantizedRow.Load(source, end - first, _call.HeadDim, values, next);
            KeyTile.Transpose<Floats>((byte*)_values, _call.HeadDim, _keys, (byte*)_values);
            return;
        }

        if (end - first < AttentionSegment.Tile)
        {
            var bytes = (end - first) * _call.RowBytes;
            new Span<byte>(source, bytes).CopyTo(
                new Span<byte>((byte*)_values + ((first - position) * _call.RowBytes), bytes));
            source = (byte*)_values;
        }

        switch (_call.Format)
        {
            case CacheFormat.Float16:
                KeyTile.Transpose<Halves>(source, _call.HeadDim, _keys, next);
                break;
            case CacheFormat.Int8:
                KeyTile.Transpose<Codes>(source, _call.HeadDim, _keys, next);
                break;
            default:
                KeyTile.Transpose<Floats>(source, _call.HeadDim, _keys, next);
                break;
        }
    }

    private readonly void AddValues(int position, int count, float* weights, float* sums, int stride, byte* next)
    {
        var source = At(_call.ValueCache, position);
        switch (_call.Format)
        {
            case CacheFormat.Float16:
                AddValues<Halves>(source, count, weights, sums, stride, next);
                break;
            case CacheFormat.Int8:
                AddValues<Codes>(source, count, weights, sums, stride, next);
                break;
            case CacheFormat.Int4:
                QuantizedRow.Load(source, count, _call.HeadDim, _values, next);
                AddValues<Floats>((byte*)_values, count, weights, sums, stride, (byte*)_values);
                break;
            default:
                AddValues<Floats>(source, count, weights, sums, stride, next);
                break;
        }
    }

    // Values that many rows read are widened once.
    private readonly void AddValues<TNumbers>(
        byte* source, int count, float* weights, float* sums, int stride, byte* next)
        where TNumbers : struct, ICacheNumbers
    {
        if (TNumbers.Channels == 1 || _rows <= AttentionSegment.Rows)
        {
            AttentionSegment.Add<TNumbers>(weights, _rows, source, count, _call.HeadDim, sums, stride, next);
            return;
        }

        AttentionSegment.Widen<TNumbers>(source, count * _call.HeadDim, _values, next);
        AttentionSegment.Add<Floats>(
            weights, _rows, (byte*)_values, count, _call.HeadDim, sums, stride, (byte*)_values);
    }

    private readonly byte* At(byte* cache, int position) => _call.At(cache, _sequence, _head, position);

    // Scores become weights; those of keys that the row does not see become zero.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Weigh(int row, int first, int end, float* result)
    {
        var position = _call.Past(_sequence) + Token(row);
        var own = _scores + (row * AttentionSegment.Length);
        var seen = Math.Clamp(position + 1 - first, 0, end - first);
        var unseen = _call.Shape.Window > 0
            ? Math.Clamp(position + 1 - _call.Shape.Window - first, 0, seen) : 0;
        var padded = (end - first + AttentionSegment.Tile - 1) / AttentionSegment.Tile * AttentionSegment.Tile;
        if (_call.Shape.Softcap > 0)
        {
            for (var i = 0; i < padded; i += 16)
            {
                var score = Vector512.Load(own + i) / _call.Shape.Softcap;
                (Exponential.Tanh(score) * _call.Shape.Softcap).Store(own + i);
            }
        }

        new Span<float>(own, unseen).Fill(float.NegativeInfinity);
        new Span<float>(own + seen, padded - seen).Fill(float.NegativeInfinity);
        var lanes = Vector512.Create(float.NegativeInfinity);
        for (var i = 0; i < padded; i += 16)
        {
            lanes = Vector512.MaxNative(lanes, Vector512.Load(own + i));
        }

        var max = TensorPrimitives.Max(new ReadOnlySpan<float>(&lanes, 16));
        var (sum, shift) = (Vector512<float>.Zero, Vector512.Create(float.IsNegativeInfinity(max) ? 0 : max));
        for (var i = 0; i < padded; i += 16)
        {
            var weight = Exponential.Of(Vector512.Load(own + i) - shift);
            weight.Store(own + i);
            sum += weight;
        }

        (result[0], result[1]) = (max, Vector512.Sum(sum));
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

        var max = MathF.Max(total[0], one[0]);
        var (x, y) = (Exponential.Of(total[0] - max), Exponential.Of(one[0] - max));
        (total[0], total[1]) = (max, (total[1] * x) + (one[1] * y));
        for (var i = 16; i < size + 16; i += 16)
        {
            ((Vector512.Load(total + i) * x) + (Vector512.Load(one + i) * y)).Store(total + i);
        }
    }

    private static void Finish(in AttentionCall call, int sequence, int token, int head, float* row)
    {
        var (max, sum, size) = (row[0], row[1], call.HeadDim);
        var shrink = 1f;
        if (call.Sinks is not null)
        {
            var larger = MathF.Max(max, call.Sinks[head]);
            shrink = Exponential.Of(max - larger);
            sum = (sum * shrink) + Exponential.Of(call.Sinks[head] - larger);
        }

        var output = call.Output
            + (((((long)sequence * call.Tokens) + token) * call.Shape.NumAttentionHeads + head) * size);
        var target = new Span<float>(output, size);
        TensorPrimitives.Multiply(new ReadOnlySpan<float>(row + 16, size), shrink / sum, target);
        if (call.Format == CacheFormat.Int4)
        {
            HadamardRotation.Apply(output, size);
        }
        else if (call.Format == CacheFormat.Int8)
        {
            var scales = call.ValueScales + ((long)(head / call.Shape.Group) * size);
            TensorPrimitives.Multiply(target, new ReadOnlySpan<float>(scales, size), target);
        }
    }
}
