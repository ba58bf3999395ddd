using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slipway.Kernels.Attention;

/// <summary>Scores rows of queries against consecutive keys, and adds up the values that the scores weight.</summary>
/// <remarks>
/// <code>
/// scores[row, key] = Σ over channels: q[row, channel] * k[channel, key]       k as <see cref="KeyTile"/> lays it out
/// sums[row, channel] += Σ over keys: weight[row, key] * v[key, channel]
/// </code>
/// A row is one head at one token. What a row gives does not depend on the rows beside it: scores and sums are added up
/// in one order always, and keys that a row does not see add exact zeros. Rows are computed four at a time; where fewer
/// are left, the last one is computed again and gives the same.
/// </remarks>
internal static unsafe class AttentionSegment
{
    /// <summary>Keys of a segment; segments begin at multiples of it.</summary>
    public const int Length = 256;

    /// <summary>Keys that are scored at once.</summary>
    public const int Tile = 64;

    /// <summary>Rows that are computed at once.</summary>
    private const int Rows = 4;

    /// <summary>Scores rows against 64 keys, [rows, <see cref="Length"/>] from where it is told.</summary>
    /// <param name="queries">Each row's query.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="keys">[head size, 64]: <see cref="KeyTile"/>.</param>
    /// <param name="size">The head size, a multiple of 16.</param>
    /// <param name="scores">Receives the first row's scores.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Score(float** queries, int rows, float* keys, int size, float* scores)
    {
        for (var row = 0; row < rows; row += Rows)
        {
            var (r1, r2, r3) = Others(row, rows);
            float* q0 = queries[row], q1 = queries[r1], q2 = queries[r2], q3 = queries[r3];
            float* s0 = scores + (row * Length), s1 = scores + (r1 * Length);
            float* s2 = scores + (r2 * Length), s3 = scores + (r3 * Length);
            if (Vector512.IsHardwareAccelerated)
            {
                ScoreAll(q0, q1, q2, q3, keys, size, s0, s1, s2, s3);
                continue;
            }

            for (var first = 0; first < Tile; first += 16)
            {
                ScoreSixteen(
                    q0, q1, q2, q3, keys + first, size, s0 + first, s1 + first, s2 + first, s3 + first);
            }
        }
    }

    /// <summary>Adds values times weights to rows.</summary>
    /// <param name="weights">The first row's weights; rows are <see cref="Length"/> apart.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="values">[count, size].</param>
    /// <param name="count">The number of values.</param>
    /// <param name="size">The head size, a multiple of 16.</param>
    /// <param name="sums">The first row's sums.</param>
    /// <param name="stride">Floats from one row's sums to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* weights, int rows, float* values, int count, int size, float* sums, int stride)
    {
        for (var row = 0; row < rows; row += Rows)
        {
            var (r1, r2, r3) = Others(row, rows);
            float* w0 = weights + (row * Length), w1 = weights + (r1 * Length);
            float* w2 = weights + (r2 * Length), w3 = weights + (r3 * Length);
            float* s0 = sums + (row * stride), s1 = sums + (r1 * stride);
            float* s2 = sums + (r2 * stride), s3 = sums + (r3 * stride);
            var i = 0;
            for (; Vector512.IsHardwareAccelerated && i + 64 <= size; i += 64)
            {
                AddAll(w0, w1, w2, w3, values + i, count, size, s0 + i, s1 + i, s2 + i, s3 + i);
            }

            for (; Vector512.IsHardwareAccelerated && i + 32 <= size; i += 32)
            {
                var value = values + i;
                var (a0, b0) = (Vector512.Load(s0 + i), Vector512.Load(s0 + i + 16));
                var (a1, b1) = (Vector512.Load(s1 + i), Vector512.Load(s1 + i + 16));
                var (a2, b2) = (Vector512.Load(s2 + i), Vector512.Load(s2 + i + 16));
                var (a3, b3) = (Vector512.Load(s3 + i), Vector512.Load(s3 + i + 16));
                for (var key = 0; key < count; key++, value += size)
                {
                    var (low, high) = (Vector512.Load(value), Vector512.Load(value + 16));
                    var weight = Vector512.Create(w0[key]);
                    a0 = Vector512.FusedMultiplyAdd(weight, low, a0);
                    b0 = Vector512.FusedMultiplyAdd(weight, high, b0);
                    weight = Vector512.Create(w1[key]);
                    a1 = Vector512.FusedMultiplyAdd(weight, low, a1);
                    b1 = Vector512.FusedMultiplyAdd(weight, high, b1);
                    weight = Vector512.Create(w2[key]);
                    a2 = Vector512.FusedMultiplyAdd(weight, low, a2);
                    b2 = Vector512.FusedMultiplyAdd(weight, high, b2);
                    weight = Vector512.Create(w3[key]);
                    a3 = Vector512.FusedMultiplyAdd(weight, low, a3);
                    b3 = Vector512.FusedMultiplyAdd(weight, high, b3);
                }

                a0.Store(s0 + i);
                b0.Store(s0 + i + 16);
                a1.Store(s1 + i);
                b1.Store(s1 + i + 16);
                a2.Store(s2 + i);
                b2.Store(s2 + i + 16);
                a3.Store(s3 + i);
                b3.Store(s3 + i + 16);
            }

            for (; i < size; i += 16)
            {
                var value = values + i;
                var (a0, a1) = (Vector512.Load(s0 + i), Vector512.Load(s1 + i));
                var (a2, a3) = (Vector512.Load(s2 + i), Vector512.Load(s3 + i));
                for (var key = 0; key < count; key++, value += size)
                {
                    var part = Vector512.Load(value);
                    a0 = Vector512.FusedMultiplyAdd(Vector512.Create(w0[key]), part, a0);
                    a1 = Vector512.FusedMultiplyAdd(Vector512.Create(w1[key]), part, a1);
                    a2 = Vector512.FusedMultiplyAdd(Vector512.Create(w2[key]), part, a2);
                    a3 = Vector512.FusedMultiplyAdd(Vector512.Create(w3[key]), part, a3);
                }

                a0.Store(s0 + i);
                a1.Store(s1 + i);
                a2.Store(s2 + i);
                a3.Store(s3 + i);
            }
        }
    }

    /// <summary>Turns codes into numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(sbyte* codes, int count, float* numbers)
    {
        for (var i = 0; i < count; i += 16)
        {
            Vector512.ConvertToSingle(Lanes.WidenSixteen(codes + i)).Store(numbers + i);
        }
    }

    // Four rows against 64 keys: 16 sums, of 32 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScoreAll(
        float* q0, float* q1, float* q2, float* q3, float* keys, int size, float* s0, float* s1, float* s2, float* s3)
    {
        Vector512<float> a0 = default, b0 = default, c0 = default, d0 = default;
        Vector512<float> a1 = default, b1 = default, c1 = default, d1 = default;
        Vector512<float> a2 = default, b2 = default, c2 = default, d2 = default;
        Vector512<float> a3 = default, b3 = default, c3 = default, d3 = default;
        for (var i = 0; i < size; i++, keys += Tile)
        {
            var (a, b) = (Vector512.Load(keys), Vector512.Load(keys + 16));
            var (c, d) = (Vector512.Load(keys + 32), Vector512.Load(keys + 48));
            var channel = Vector512.Create(q0[i]);
            a0 = Vector512.FusedMultiplyAdd(channel, a, a0);
            b0 = Vector512.FusedMultiplyAdd(channel, b, b0);
            c0 = Vector512.FusedMultiplyAdd(channel, c, c0);
            d0 = Vector512.FusedMultiplyAdd(channel, d, d0);
            channel = Vector512.Create(q1[i]);
            a1 = Vector512.FusedMultiplyAdd(channel, a, a1);
            b1 = Vector512.FusedMultiplyAdd(channel, b, b1);
            c1 = Vector512.FusedMultiplyAdd(channel, c, c1);
            d1 = Vector512.FusedMultiplyAdd(channel, d, d1);
            channel = Vector512.Create(q2[i]);
            a2 = Vector512.FusedMultiplyAdd(channel, a, a2);
            b2 = Vector512.FusedMultiplyAdd(channel, b, b2);
            c2 = Vector512.FusedMultiplyAdd(channel, c, c2);
            d2 = Vector512.FusedMultiplyAdd(channel, d, d2);
            channel = Vector512.Create(q3[i]);
            a3 = Vector512.FusedMultiplyAdd(channel, a, a3);
            b3 = Vector512.FusedMultiplyAdd(channel, b, b3);
            c3 = Vector512.FusedMultiplyAdd(channel, c, c3);
            d3 = Vector512.FusedMultiplyAdd(channel, d, d3);
        }

        Store(s0, a0, b0, c0, d0);
        Store(s1, a1, b1, c1, d1);
        Store(s2, a2, b2, c2, d2);
        Store(s3, a3, b3, c3, d3);
    }

    // Four rows against 16 keys: with vectors of 256 bits 8 sums, of 16 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScoreSixteen(
        float* q0, float* q1, float* q2, float* q3, float* keys, int size, float* s0, float* s1, float* s2, float* s3)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default;
        for (var i = 0; i < size; i++, keys += Tile)
        {
            var key = Vector512.Load(keys);
            a0 = Vector512.FusedMultiplyAdd(Vector512.Create(q0[i]), key, a0);
            a1 = Vector512.FusedMultiplyAdd(Vector512.Create(q1[i]), key, a1);
            a2 = Vector512.FusedMultiplyAdd(Vector512.Create(q2[i]), key, a2);
            a3 = Vector512.FusedMultiplyAdd(Vector512.Create(q3[i]), key, a3);
        }

        a0.Store(s0);
        a1.Store(s1);
        a2.Store(s2);
        a3.Store(s3);
    }

    // 64 channels of four rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddAll(
        float* w0, float* w1, float* w2, float* w3, float* values, int count, int size, float* s0, float* s1, float* s2,
        float* s3)
    {
        var (a0, b0) = (Vector512.Load(s0), Vector512.Load(s0 + 16));
        var (c0, d0) = (Vector512.Load(s0 + 32), Vector512.Load(s0 + 48));
        var (a1, b1) = (Vector512.Load(s1), Vector512.Load(s1 + 16));
        var (c1, d1) = (Vector512.Load(s1 + 32), Vector512.Load(s1 + 48));
        var (a2, b2) = (Vector512.Load(s2), Vector512.Load(s2 + 16));
        var (c2, d2) = (Vector512.Load(s2 + 32), Vector512.Load(s2 + 48));
        var (a3, b3) = (Vector512.Load(s3), Vector512.Load(s3 + 16));
        var (c3, d3) = (Vector512.Load(s3 + 32), Vector512.Load(s3 + 48));
        for (var key = 0; key < count; key++, values += size)
        {
            var (a, b) = (Vector512.Load(values), Vector512.Load(values + 16));
            var (c, d) = (Vector512.Load(values + 32), Vector512.Load(values + 48));
            var weight = Vector512.Create(w0[key]);
            a0 = Vector512.FusedMultiplyAdd(weight, a, a0);
            b0 = Vector512.FusedMultiplyAdd(weight, b, b0);
            c0 = Vector512.FusedMultiplyAdd(weight, c, c0);
            d0 = Vector512.FusedMultiplyAdd(weight, d, d0);
            weight = Vector512.Create(w1[key]);
            a1 = Vector512.FusedMultiplyAdd(weight, a, a1);
            b1 = Vector512.FusedMultiplyAdd(weight, b, b1);
            c1 = Vector512.FusedMultiplyAdd(weight, c, c1);
            d1 = Vector512.FusedMultiplyAdd(weight, d, d1);
            weight = Vector512.Create(w2[key]);
            a2 = Vector512.FusedMultiplyAdd(weight, a, a2);
            b2 = Vector512.FusedMultiplyAdd(weight, b, b2);
            c2 = Vector512.FusedMultiplyAdd(weight, c, c2);
            d2 = Vector512.FusedMultiplyAdd(weight, d, d2);
            weight = Vector512.Create(w3[key]);
            a3 = Vector512.FusedMultiplyAdd(weight, a, a3);
            b3 = Vector512.FusedMultiplyAdd(weight, b, b3);
            c3 = Vector512.FusedMultiplyAdd(weight, c, c3);
            d3 = Vector512.FusedMultiplyAdd(weight, d, d3);
        }

        Store(s0, a0, b0, c0, d0);
        Store(s1, a1, b1, c1, d1);
        Store(s2, a2, b2, c2, d2);
        Store(s3, a3, b3, c3, d3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(
        float* target, Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        a.Store(target);
        b.Store(target + 16);
        c.Store(target + 32);
        d.Store(target + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (int, int, int) Others(int row, int rows)
        => (Math.Min(row + 1, rows - 1), Math.Min(row + 2, rows - 1), Math.Min(row + 3, rows - 1));
}
