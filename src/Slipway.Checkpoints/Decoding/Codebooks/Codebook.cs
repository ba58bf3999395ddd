namespace Slipway.Checkpoints.Decoding.Codebooks;

// The points of a lattice that vectors of 8 or 4 weights are rounded to. The points are part of GGUF's format; here
// each coordinate is the number of one of a few levels, packed little end first. Source: the tables of ggml,
// https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h.
internal sealed class Codebook
{
    public static readonly Codebook Iq2Xxs = new(Iq2XxsCodebook.Packed, 8, 2, [8, 25, 43]);
    public static readonly Codebook Iq2Xs = new(Iq2XsCodebook.Packed, 8, 2, [8, 25, 43]);
    public static readonly Codebook Iq2S = new(Iq2SCodebook.Packed, 8, 2, [8, 25, 43]);
    public static readonly Codebook Iq3Xxs = new(Iq3XxsCodebook.Packed, 4, 3, [4, 12, 20, 28, 36, 44, 52, 62]);
    public static readonly Codebook Iq3S = new(Iq3SCodebook.Packed, 4, 3, [1, 3, 5, 7, 9, 11, 13, 15]);
    public static readonly Codebook Iq1S = new(Iq1SCodebook.Packed, 8, 2, [-1, 0, 1]);

    // The signs of 8 weights for 7 stored bits: the eighth makes their number even.
    public static readonly byte[] Signs =
        [.. Enumerable.Range(0, 128).Select(code => (byte)(code | (int.PopCount(code) & 1) << 7))];

    private readonly sbyte[] _values;
    private readonly int _width;

    private Codebook(string packed, int width, int bits, sbyte[] levels)
    {
        _width = width;
        var bytes = Convert.FromBase64String(packed);
        _values = new sbyte[bytes.Length * 8 / bits];
        for (var i = 0; i < _values.Length; i++)
        {
            var position = i * bits;
            var pair = bytes[position / 8] | ((position / 8) + 1 < bytes.Length ? bytes[(position / 8) + 1] << 8 : 0);
            _values[i] = levels[(pair >> (position % 8)) & ((1 << bits) - 1)];
        }
    }

    public ReadOnlySpan<sbyte> this[int entry] => _values.AsSpan(entry * _width, _width);
}
