namespace Slipway.Export.Quantization;

/// <summary>The values that a block's codes can stand for: (code − <see cref="ZeroPoint"/>)·<see cref="Scale"/>,
/// where a code is found by dividing by <see cref="Step"/>.</summary>
/// <param name="Step">The step that weights are divided by and rounded.</param>
/// <param name="ZeroPoint">The code of the value 0.</param>
/// <param name="Scale">The step that codes are multiplied by when they are read.</param>
/// <remarks>The two steps differ where the scale was fitted to the codes after they had been found.</remarks>
public readonly record struct BlockGrid(float Step, byte ZeroPoint, float Scale)
{
    /// <summary>The grid of a block that holds only zeros.</summary>
    /// <param name="maximum">The largest code.</param>
    public static BlockGrid Zero(int maximum) => new(1, (byte)((maximum + 1) / 2), 1);

    /// <summary>Writes the code of each weight, clamped to 0 … <paramref name="maximum"/>.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="codes">Receives as many codes.</param>
    /// <param name="maximum">The largest code, 15 or 255.</param>
    public void Encode(ReadOnlySpan<float> weights, Span<byte> codes, int maximum)
    {
        var inverse = 1 / Step;
        for (var i = 0; i < weights.Length; i++)
        {
            var code = MathF.Round(weights[i] * inverse) + ZeroPoint;
            codes[i] = (byte)Math.Clamp(code, 0, maximum);
        }
    }
}
