using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Slipway.Kernels.Memory;

namespace Slipway.Kernels.Attention;

/// <summary>Scores rows of queries against consecutive keys, and adds up the values that the scores weight.</summary>
/// <remarks>
/// <code>
/// scores[row, key] = Σ over channels: q[row, channel] * k[channel, key]       k as <see cref="KeyTile"/> lays it out
/// sums[row, channel] += Σ over keys: weight[row, key] * v[key, channel]
/// </code>
/// A row is one head at one token. What a row gives does not depend on the rows beside it: scores and sums are added up
/// in one order always, and keys that a row does not see add exact zeros. Up to four rows are computed at once; how
/// many, is known where the code is compiled.
/// </remarks>
internal static unsafe class AttentionSegment
{
    /// <summary>Keys of a segment; segments begin at multiples of it.</summary>
    public const int Length = 256;

    /// <summary>Keys that are scored at once.</summary>
    public const int Tile = 64;

    /// <summary>Rows that are computed at once.</summary>
    public const int Rows = 4;

    /// <summary>Scores rows against 64 keys, [rows, <see cref="Length"/>] from where it is told.</summary>
    /// <param name="queries">Each row's query.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="keys">[head size, 64]: <see cref="KeyTile"/>.</param>
    /// <param name="size">The head size, a multiple of 16.</param>
    /// <param name="scores">Receives the first row's scores.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Score(float** queries, int rows, float* keys, int size, float* scores)
    {
        for (; rows > 0; rows -= Rows, queries += Rows, scores += Rows * Length)
        {
            switch (rows)
            {
                case 1:
                    Score<OneRow>(queries, keys, size, scores);
                    break;
                case 2:
                    Score<TwoRows>(queries, keys, size, scores);
                    break;
                case 3:
                    Score<ThreeRows>(queries, keys, size, scores);
                    break;
                default:
                    Score<FourRows>(queries, keys, size, scores);
                    break;
            }
        }
    }

    /// <summary>Adds values times weights to rows.</summary>
    /// <typeparam name="TNumbers">The way in which values are held.</typeparam>
    /// <param name="weights">The first row's weights; rows are <see cref="Length"/> apart.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="values">[count, size].</param>
    /// <param name="count">The number of values.</param>
    /// <param name="size">The head size, a multiple of 16.</param>
    /// <param name="sums">The first row's sums.</param>
    /// <param name="stride">Floats from one row's sums to the next.</param>
    /// <param name="next">As many bytes as the values have, which are asked for meanwhile.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<TNumbers>(
        float* weights, int rows, byte* values, int count, int size, float* sums, int stride, byte* next)
        where TNumbers : struct, ICacheNumbers
    {
        for (; rows > 0; rows -= Rows, weights += Rows * Length, sums += Rows * stride, next = values)
        {
            switch (rows)
            {
                case 1:
                    Add<TNumbers, OneRow>(weights, values, count, size, sums, stride, next);
                    break;
                case 2:
                    Add<TNumbers, TwoRows>(weights, values, count, size, sums, stride, next);
                    break;
                case 3:
                    Add<TNumbers, ThreeRows>(weights, values, count, size, sums, stride, next);
                    break;
                default:
                    Add<TNumbers, FourRows>(weights, values, count, size, sums, stride, next);
                    break;
            }
        }
    }

    /// <summary>Turns what a cache holds into single precision.</summary>
    /// <typeparam name="TNumbers">The way in which the cache holds it.</typeparam>
    /// <param name="source">[count].</param>
    /// <param name="count">The number of channels, a multiple of 16.</param>
    /// <param name="numbers">Takes [count].</param>
    /// <param name="next">As many bytes as the source has, which are asked for meanwhile.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen<TNumbers>(byte* source, int count, float* numbers, byte* next)
        where TNumbers : struct, ICacheNumbers
    {
        const int some = 16;
        for (var i = 0; i < count; i += some, next += some * sizeof(float) / TNumbers.Channels)
        {
            Lines.Ask(next, some * sizeof(float) / TNumbers.Channels);
            TNumbers.Load(source, i).Store(numbers + i);
        }
    }

    private static void Score<TRows>(float** queries, float* keys, int size, float* scores)
        where TRows : struct, IRowCount
    {
        if (Vector512.IsHardwareAccelerated)
        {
            ScoreAll<TRows>(queries, keys, size, scores);
            return;
        }

        for (var first = 0; first < Tile; first += 16)
        {
            ScoreSixteen<TRows>(queries, keys + first, size, scores + first);
        }
    }

    // Up to 16 sums, of 32 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScoreAll<TRows>(float** queries, float* keys, int size, float* scores)
        where TRows : struct, IRowCount
    {
        float* q0 = queries[0], q1 = queries[Or<TRows>(1)], q2 = queries[Or<TRows>(2)], q3 = queries[Or<TRows>(3)];
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

            if (TRows.Count > 1)
            {
                channel = Vector512.Create(q1[i]);
                a1 = Vector512.FusedMultiplyAdd(channel, a, a1);
                b1 = Vector512.FusedMultiplyAdd(channel, b, b1);
                c1 = Vector512.FusedMultiplyAdd(channel, c, c1);
                d1 = Vector512.FusedMultiplyAdd(channel, d, d1);
            }

            if (TRows.Count > 2)
            {
                channel = Vector512.Create(q2[i]);
                a2 = Vector512.FusedMultiplyAdd(channel, a, a2);
                b2 = Vector512.FusedMultiplyAdd(channel, b, b2);
                c2 = Vector512.FusedMultiplyAdd(channel, c, c2);
                d2 = Vector512.FusedMultiplyAdd(channel, d, d2);
            }

            if (TRows.Count > 3)
            {
                channel = Vector512.Create(q3[i]);
                a3 = Vector512.FusedMultiplyAdd(channel, a, a3);
                b3 = Vector512.FusedMultiplyAdd(channel, b, b3);
                c3 = Vector512.FusedMultiplyAdd(channel, c, c3);
                d3 = Vector512.FusedMultiplyAdd(channel, d, d3);
            }
        }

        Store(scores, a0, b0, c0, d0);
        if (TRows.Count > 1)
        {
            Store(scores + Length, a1, b1, c1, d1);
        }

        if (TRows.Count > 2)
        {
            Store(scores + (2 * Length), a2, b2, c2, d2);
        }

        if (TRows.Count > 3)
        {
            Store(scores + (3 * Length), a3, b3, c3, d3);
        }
    }

    // With vectors of 256 bits up to 8 sums, of 16 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScoreSixteen<TRows>(float** queries, float* keys, int size, float* scores)
        where TRows : struct, IRowCount
    {
        float* q0 = queries[0], q1 = queries[Or<TRows>(1)], q2 = queries[Or<TRows>(2)], q3 = queries[Or<TRows>(3)];
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default;
        for (var i = 0; i < size; i++, keys += Tile)
        {
            var key = Vector512.Load(keys);
            a0 = Vector512.FusedMultiplyAdd(Vector512.Create(q0[i]), key, a0);
            if (TRows.Count > 1)
            {
                a1 = Vector512.FusedMultiplyAdd(Vector512.Create(q1[i]), key, a1);
            }

            if (TRows.Count > 2)
            {
                a2 = Vector512.FusedMultiplyAdd(Vector512.Create(q2[i]), key, a2);
            }

            if (TRows.Count > 3)
            {
                a3 = Vector512.FusedMultiplyAdd(Vector512.Create(q3[i]), key, a3);
            }
        }

        a0.Store(scores);
        if (TRows.Count > 1)
        {
            a1.Store(scores + Length);
        }

        if (TRows.Count > 2)
        {
            a2.Store(scores + (2 * Length));
        }

        if (TRows.Count > 3)
        {
            a3.Store(scores + (3 * Length));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add<TNumbers, TRows>(
        float* w0, byte* values, int count, int size, float* s0, int stride, byte* next)
        where TNumbers : struct, ICacheNumbers
        where TRows : struct, IRowCount
    {
        var bytes = size * sizeof(float) / TNumbers.Channels;
        float* w1 = w0 + (Or<TRows>(1) * Length), s1 = s0 + (Or<TRows>(1) * stride);
        float* w2 = w0 + (Or<TRows>(2) * Length), s2 = s0 + (Or<TRows>(2) * stride);
        float* w3 = w0 + (Or<TRows>(3) * Length), s3 = s0 + (Or<TRows>(3) * stride);
        var i = 0;
        for (; Vector512.IsHardwareAccelerated && i + 64 <= size; i += 64)
        {
            var value = values;
            var (a0, b0) = (Vector512.Load(s0 + i), Vector512.Load(s0 + i + 16));
            var (c0, d0) = (Vector512.Load(s0 + i + 32), Vector512.Load(s0 + i + 48));
            var (a1, b1) = (Vector512.Load(s1 + i), Vector512.Load(s1 + i + 16));
            var (c1, d1) = (Vector512.Load(s1 + i + 32), Vector512.Load(s1 + i + 48));
            var (a2, b2) = (Vector512.Load(s2 + i), Vector512.Load(s2 + i + 16));
            var (c2, d2) = (Vector512.Load(s2 + i + 32), Vector512.Load(s2 + i + 48));
            var (a3, b3) = (Vector512.Load(s3 + i), Vector512.Load(s3 + i + 16));
            var (c3, d3) = (Vector512.Load(s3 + i + 32), Vector512.Load(s3 + i + 48));
            var ask = next + (i * sizeof(float) / TNumbers.Channels);
            for (var key = 0; key < count; key++, value += bytes, ask += bytes)
            {
                Lines.Ask(ask, 64 * sizeof(float) / TNumbers.Channels);
                var (a, b) = (TNumbers.Load(value, i), TNumbers.Load(value, i + 16));
                var (c, d) = (TNumbers.Load(value, i + 32), TNumbers.Load(value, i + 48));
                var weight = Vector512.Create(w0[key]);
                a0 = Vector512.FusedMultiplyAdd(weight, a, a0);
                b0 = Vector512.FusedMultiplyAdd(weight, b, b0);
                c0 = Vector512.FusedMultiplyAdd(weight, c, c0);
                d0 = Vector512.FusedMultiplyAdd(weight, d, d0);

                if (TRows.Count > 1)
                {
                    weight = Vector512.Create(w1[key]);
                    a1 = Vector512.FusedMultiplyAdd(weight, a, a1);
                    b1 = Vector512.FusedMultiplyAdd(weight, b, b1);
                    c1 = Vector512.FusedMultiplyAdd(weight, c, c1);
                    d1 = Vector512.FusedMultiplyAdd(weight, d, d1);
                }

                if (TRows.Count > 2)
                {
                    weight = Vector512.Create(w2[key]);
                    a2 = Vector512.FusedMultiplyAdd(weight, a, a2);
                    b2 = Vector512.FusedMultiplyAdd(weight, b, b2);
                    c2 = Vector512.FusedMultiplyAdd(weight, c, c2);
                    d2 = Vector512.FusedMultiplyAdd(weight, d, d2);
                }

                if (TRows.Count > 3)
                {
                    weight = Vector512.Create(w3[key]);
                    a3 = Vector512.FusedMultiplyAdd(weight, a, a3);
                    b3 = Vector512.FusedMultiplyAdd(weight, b, b3);
                    c3 = Vector512.FusedMultiplyAdd(weight, c, c3);
                    d3 = Vector512.FusedMultiplyAdd(weight, d, d3);
                }
            }

            Store(s0 + i, a0, b0, c0, d0);
            if (TRows.Count > 1)
            {
                Store(s1 + i, a1, b1, c1, d1);
            }

            if (TRows.Count > 2)
            {
                Store(s2 + i, a2, b2, c2, d2);
            }

            if (TRows.Count > 3)
            {
                Store(s3 + i, a3, b3, c3, d3);
            }
        }

        for (; i < size; i += 16)
        {
            var value = values;
            var (a0, a1) = (Vector512.Load(s0 + i), Vector512.Load(s1 + i));
            var (a2, a3) = (Vector512.Load(s2 + i), Vector512.Load(s3 + i));
            for (var key = 0; key < count; key++, value += bytes)
            {
                var part = TNumbers.Load(value, i);
                a0 = Vector512.FusedMultiplyAdd(Vector512.Create(w0[key]), part, a0);
                if (TRows.Count > 1)
                {
                    a1 = Vector512.FusedMultiplyAdd(Vector512.Create(w1[key]), part, a1);
                }

                if (TRows.Count > 2)
                {
                    a2 = Vector512.FusedMultiplyAdd(Vector512.Create(w2[key]), part, a2);
                }

                if (TRows.Count > 3)
                {
                    a3 = Vector512.FusedMultiplyAdd(Vector512.Create(w3[key]), part, a3);
                }
            }

            a0.Store(s0 + i);
            if (TRows.Count > 1)
            {
                a1.Store(s1 + i);
            }

            if (TRows.Count > 2)
            {
                a2.Store(s2 + i);
            }

            if (TRows.Count > 3)
            {
                a3.Store(s3 + i);
            }
        }
    }

    // The row, or the last one where there are fewer.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Or<TRows>(int row)
        where TRows : struct, IRowCount
        => row < TRows.Count ? row : TRows.Count - 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(
        float* target, Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        a.Store(target);
        b.Store(target + 16);
        c.Store(target + 32);
        d.Store(target + 48);
    }
}
