namespace Slipway.Packaging.Kernels;

/// <summary>States the operators <c>FusedMatMulNBits</c> and <c>GatedMatMulNBits</c>.</summary>
/// <remarks>
/// <code>
/// FusedMatMulNBits: y = norm(x) · Wᵀ + bias + addend
/// GatedMatMulNBits: y = silu(norm(x) · gateᵀ) * (norm(x) · Wᵀ)
/// </code>
/// x is [.., K], y [.., N]. W and the gate are codes of 4 or 8 bits, each of the two as its constant's shape says, in
/// blocks of <c>block_size</c> inputs: codes uint8 [N, K / block, block · bits / 8], scales float16 or float32
/// [N, K / block], and offsets: zero points uint8 [N, K / block · bits / 8 rounded up], where a weight is
/// (code − zero point) · scale; minima [N, K / block] of the scales' type, where it is code · scale + minimum; or
/// nothing, where all zero points are in the middle, 8 or 128. They, the norm's weights [K] and the bias [N] are
/// constants; the addend has the shape of y. Version 2 had scales of float32 and zero points only, version 3 codes of 4
/// bits only.
/// </remarks>
internal static class FusedMatMulContract
{
    public const string FusedMatMulOperator = "FusedMatMulNBits";
    public const string GatedMatMulOperator = "GatedMatMulNBits";

    // Inputs of both.
    public const int X = 0;

    /// <summary>The first of three inputs: codes, scales and offsets.</summary>
    public const int Weights = 1;

    // Inputs of the first.
    public const int Norm = 4;
    public const int Bias = 5;
    public const int Addend = 6;

    // Inputs of the gated one.
    public const int Gate = 4;
    public const int GatedNorm = 7;

    public const string OutputsAttribute = "N";
    public const string InputsAttribute = "K";
    public const string BlockSizeAttribute = "block_size";
    public const string EpsilonAttribute = "epsilon";

    /// <summary>Block sizes are multiples of it.</summary>
    public const int BlockMultiple = 32;

    public const int MaxBlockSize = 256;

    /// <summary>Bounds N and K, so that sums and products of either fit 32 bits where they must.</summary>
    public const int MaxSize = 1 << 27;

    /// <summary>Bytes of a block's codes.</summary>
    public static long CodeBytes(long blockSize, int bits) => blockSize * bits / 8;

    /// <summary>Bytes of a row's zero points.</summary>
    public static long ZeroPointBytes(long blocks, int bits) => ((blocks * bits) + 7) / 8;

    /// <summary>Tells whether codes have so many bits.</summary>
    public static bool SupportsBits(long bits) => bits is 4 or 8;

    /// <summary>Tells whether the operators can compute a matrix of such sizes.</summary>
    public static bool Supports(long outputs, long inputs, long blockSize)
        => outputs is > 0 and <= MaxSize && inputs is > 0 and <= MaxSize
            && blockSize is > 0 and <= MaxBlockSize && blockSize % BlockMultiple == 0 && inputs % blockSize == 0;
}
