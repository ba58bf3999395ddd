using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slipway.Kernels.Attention;

/// <summary>Rotates heads so that no channel stands out, which few bits then hold better.</summary>
/// <remarks>
/// <code>
/// y = H x, H = [[H', H'], [H', −H']] / √2 in blocks of the largest power of two that divides the head size
/// </code>
/// H is its own inverse, and products of rotated queries and keys are those of the plain ones.
/// Source: Ashkboos and others, "QuaRot", 2024.
/// </remarks>
internal static unsafe class HadamardRotation
{
    private const int Width = 8;

    /// <summary>Rotates a head in place.</summary>
    /// <param name="head">[size].</param>
    /// <param name="size">The head size, a multiple of 16.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(float* head, int size)
    {
        var block = size & -size;
        for (var distance = 1; distance < Width; distance *= 2)
        {
            for (var first = 0; first < size; first += 2 * distance)
            {
                for (var i = first; i < first + distance; i++)
                {
                    (head[i], head[i + distance]) = (head[i] + head[i + distance], head[i] - head[i + distance]);
                }
            }
        }

        for (var distance = Width; distance < block; distance *= 2)
        {
            for (var first = 0; first < size; first += 2 * distance)
            {
                for (var i = first; i < first + distance; i += Width)
                {
                    var (x, y) = (Vector256.Load(head + i), Vector256.Load(head + i + distance));
                    (x + y).Store(head + i);
                    (x - y).Store(head + i + distance);
                }
            }
        }

        var scale = Vector256.Create(1 / MathF.Sqrt(block));
        for (var i = 0; i < size; i += Width)
        {
            (Vector256.Load(head + i) * scale).Store(head + i);
        }
    }
}
