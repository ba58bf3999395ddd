namespace Slipway.Export.Quantization;

/// <summary>Spreads the codes evenly from a block's smallest to its largest weight and rounds to the nearest.</summary>
public sealed class RoundToNearest : BlockMethod
{
    /// <inheritdoc/>
    public override string Name => "rtn";

    /// <inheritdoc/>
    public override string Description => "round to nearest between each block's smallest and largest weight";

    /// <inheritdoc/>
    protected override BlockGrid QuantizeBlock(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, float low, float high, int maximum)
    {
        var step = (high - low) / maximum;
        var zeroPoint = (byte)Math.Clamp(MathF.Round(-low / step), 0, maximum);
        return new BlockGrid(step, zeroPoint, step);
    }
}
