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
    public const int Tile = 32;

    /// <summary>Rows that are computed at once.</summary>
    private const int Rows = 4;

    /// <summary>Scores rows against 32 keys, [rows, <see cref="Length"/>] from where it is told.</summary>
    /// <param name="queries">Each row's query.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="keys">[head size, 32]: <see cref="KeyTile"/>.</param>
    /// <param name="size">The head size, a multiple of 16.</param>
    /// <param name="scores">Receives the first row's scores.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Score(float** queries, int rows, float* keys, int size, float* scores)
    {
        for (var row = 0; row < rows; row += Rows)
        {
            var (r1, r2, r3) = Others(row, rows);
            float* q0 = queries[row], q1 = queries[r1], q2 = queries[r2], q3 = queries[r3];
            var key = keys;
            Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default;
            Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default;
            for (var i = 0; i < size; i++, key += Tile)
            {
                var (low, high) = (Vector512.Load(key), Vector512.Load(key + 16));
                var channel = Vector512.Create(q0[i]);
                a0 = Vector512.FusedMultiplyAdd(channel, low, a0);
                b0 = Vector512.FusedMultiplyAdd(channel, high, b0);
                channel = Vector512.Create(q1[i]);
                a1 = Vector512.FusedMultiplyAdd(channel, low, a1);
                b1 = Vector512.FusedMultiplyAdd(channel, high, b1);
                channel = Vector512.Create(q2[i]);
                a2 = Vector512.FusedMultiplyAdd(channel, low, a2);
                b2 = Vector512.FusedMultiplyAdd(channel, high, b2);
                channel = Vector512.Create(q3[i]);
                a3 = Vector512.FusedMultiplyAdd(channel, low, a3);
                b3 = Vector512.FusedMultiplyAdd(channel, high, b3);
            }

            Store(scores + (row * Length), a0, b0);
            Store(scores + (r1 * Length), a1, b1);
            Store(scores + (r2 * Length), a2, b2);
            Store(scores + (r3 * Length), a3, b3);
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
            for (; i + 32 <= size; i += 32)
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* scores, Vector512<float> low, Vector512<float> high)
    {
        low.Store(scores);
        high.Store(scores + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (int, int, int) Others(int row, int rows)
        => (Math.Min(row + 1, rows - 1), Math.Min(row + 2, rows - 1), Math.Min(row + 3, rows - 1));
}
