namespace Slipway.Checkpoints;

/// <summary>Names how a tensor's elements are stored.</summary>
/// <remarks>
/// Plain types carry the names of the safetensors format, block types the names of GGUF. Sizes are in
/// <see cref="TensorTypes"/>.
/// </remarks>
public enum TensorType
{
    /// <summary>64-bit floating point.</summary>
    F64,

    /// <summary>32-bit floating point.</summary>
    F32,

    /// <summary>16-bit floating point (IEEE 754 half precision).</summary>
    F16,

    /// <summary>16-bit floating point with the exponent range of 32 bits (bfloat16).</summary>
    BF16,

    /// <summary>8-bit floating point, 4 exponent and 3 mantissa bits, no infinities.</summary>
    F8_E4M3,

    /// <summary>8-bit floating point, 5 exponent and 2 mantissa bits.</summary>
    F8_E5M2,

    /// <summary>64-bit signed integer.</summary>
    I64,

    /// <summary>64-bit unsigned integer.</summary>
    U64,

    /// <summary>32-bit signed integer.</summary>
    I32,

    /// <summary>32-bit unsigned integer.</summary>
    U32,

    /// <summary>16-bit signed integer.</summary>
    I16,

    /// <summary>16-bit unsigned integer.</summary>
    U16,

    /// <summary>8-bit signed integer.</summary>
    I8,

    /// <summary>8-bit unsigned integer.</summary>
    U8,

    /// <summary>One byte an element, zero for false.</summary>
    BOOL,

    /// <summary>4-bit codes, blocks of 32 with a scale.</summary>
    Q4_0,

    /// <summary>4-bit codes, blocks of 32 with a scale and a minimum.</summary>
    Q4_1,

    /// <summary>5-bit codes, blocks of 32 with a scale.</summary>
    Q5_0,

    /// <summary>5-bit codes, blocks of 32 with a scale and a minimum.</summary>
    Q5_1,

    /// <summary>8-bit codes, blocks of 32 with a scale.</summary>
    Q8_0,

    /// <summary>2-bit codes, blocks of 256 with 16 scales and minima.</summary>
    Q2_K,

    /// <summary>3-bit codes, blocks of 256 with 16 scales.</summary>
    Q3_K,

    /// <summary>4-bit codes, blocks of 256 with 8 scales and minima.</summary>
    Q4_K,

    /// <summary>5-bit codes, blocks of 256 with 8 scales and minima.</summary>
    Q5_K,

    /// <summary>6-bit codes, blocks of 256 with 16 scales.</summary>
    Q6_K,

    /// <summary>4-bit codes on an uneven grid, blocks of 32 with a scale.</summary>
    IQ4_NL,

    /// <summary>4-bit codes on an uneven grid, blocks of 256 with 8 scales.</summary>
    IQ4_XS,

    /// <summary>4-bit floating point (E2M1), blocks of 32 with a power of two.</summary>
    MXFP4,

    /// <summary>The values -1, 0 and 1, five in a byte, blocks of 256 with a scale.</summary>
    TQ1_0,

    /// <summary>The values -1, 0 and 1, four in a byte, blocks of 256 with a scale.</summary>
    TQ2_0,
}
