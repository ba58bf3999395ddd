using Slipway.Export.Configuration;

namespace Slipway.Export.Modules.Rotary;

/// <summary>Rounds frequencies to the type that a checkpoint's module had when it was saved.</summary>
/// <remarks>
/// PyTorch's <c>module.to(bfloat16)</c> rounds the buffer of frequencies along with the weights, and nothing restores
/// it. A checkpoint whose configuration states <c>dtype</c> was saved from such a module, and its reference values
/// hold the rounding: at position 40 it moves logits by up to 0.1. Over thousands of positions the rounding would
/// rather destroy than reproduce, and libraries that load long-context models keep the buffer in float32; so it
/// applies to short contexts alone.
/// </remarks>
internal static class StoredType
{
    private const int LongContext = 2048;

    public static RotaryScaling Round(ConfigReader config, RotaryScaling scaling)
    {
        if (config.Int("max_position_embeddings", LongContext) >= LongContext || !config.Has("dtype"))
        {
            return scaling;
        }

        return config.Text("dtype") switch
        {
            "bfloat16" => scaling with { Frequencies = [.. scaling.Frequencies.Select(ToBFloat16)] },
            "float16" => scaling with { Frequencies = [.. scaling.Frequencies.Select(value => (double)(Half)value)] },
            _ => scaling,
        };
    }

    private static double ToBFloat16(double value)
    {
        // To the nearest, ties to even, of the upper 16 bits.
        uint bits = BitConverter.SingleToUInt32Bits((float)value);
        bits += 0x7FFF + ((bits >> 16) & 1);
        return BitConverter.UInt32BitsToSingle(bits & 0xFFFF0000);
    }
}
