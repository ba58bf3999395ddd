using System.Numerics;
using System.Runtime.InteropServices;

namespace Slipway.Export.Quantization;

/// <summary>The interval that a block's grid must cover. It always holds 0, which every grid can express.</summary>
internal static class BlockRange
{
    /// <summary>The smallest weight or 0, and the largest weight or 0.</summary>
    public static (float Low, float High) Of(ReadOnlySpan<float> weights)
    {
        Vector<float> low = Vector<float>.Zero, high = Vector<float>.Zero;
        foreach (var values in MemoryMarshal.Cast<float, Vector<float>>(weights))
        {
            low = Vector.Min(low, values);
            high = Vector.Max(high, values);
        }

        float smallest = 0, max = 0;
        for (var i = 0; i < Vector<float>.Count; i++)
        {
            smallest = Math.Min(smallest, low[i]);
            max = Math.Max(max, high[i]);
        }

        return (smallest, max);
    }
}
