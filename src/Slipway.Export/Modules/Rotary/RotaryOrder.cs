using Slipway.Export.Configuration;

namespace Slipway.Export.Modules.Rotary;

/// <summary>The order of a head's elements in which any part of it can turn.</summary>
/// <remarks>
/// The attention operator turns a multiple of 16 elements, each of the first half with its partner in the second. A
/// smaller part is spread over so many: between its halves stand elements whose angle is 0. Scores do not depend on the
/// order as long as queries and keys have the same.
/// </remarks>
internal static class RotaryOrder
{
    private const int Step = 16;

    /// <summary>Reads the part of a head that turns, as a share.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="headSize">The size of a head.</param>
    /// <param name="absent">The share where the configuration does not say.</param>
    /// <param name="keys">The keys that may hold it; the first also among the rotary parameters.</param>
    public static int Read(ConfigReader config, int headSize, double absent, params IReadOnlyList<string> keys)
    {
        var source = config.Section("rope_parameters") is { } section && section.Has(keys[0])
            ? section
            : config;
        var key = keys.FirstOrDefault(source.Has) ?? keys[0];
        var share = source.Number(key, absent);
        return Checked(source, key, share is > 0 and <= 1 ? (int)(headSize * share) : 0, headSize);
    }

    /// <summary>Refuses a part that a head does not hold in pairs.</summary>
    /// <remarks>The last pair of an odd part has the next element too.</remarks>
    public static int Checked(ConfigReader config, string key, int size, int headSize) =>
        size > 0 && size + (size % 2) <= headSize
            ? size
            : throw config.Unsupported(key, $"a share of the head size {headSize} that holds pairs of elements");

    /// <summary>Number of elements that the operator rotates for so many.</summary>
    public static int Padded(int rotarySize) => (rotarySize + Step - 1) / Step * Step;

    /// <summary>For each place of a widened head, which element of the checkpoint's it holds, if any.</summary>
    /// <param name="headSize">The size of a head.</param>
    /// <param name="rotarySize">The part of it that turns.</param>
    /// <param name="interleaved">Whether neighbours turn together in the checkpoint; halves otherwise.</param>
    public static IReadOnlyList<int> Find(int headSize, int rotarySize, bool interleaved)
    {
        int half = (rotarySize + 1) / 2, paddedHalf = Padded(rotarySize) / 2;
        var still = 2 * half;
        return
        [
            .. Enumerable.Range(0, HeadLayout.Widened(headSize)).Select(place =>
                place < half ? Turning(place, 0)
                : place >= paddedHalf && place < paddedHalf + half ? Turning(place - paddedHalf, 1)
                : still < headSize ? still++
                : HeadLayout.None),
        ];

        int Turning(int pair, int partner) => interleaved ? (2 * pair) + partner : pair + (partner * half);
    }
}
