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

    /// <summary>Blocks of 32 of 4 bits: a half-precision scale, values from -8 on.</summary>
    Q4_0,

    /// <summary>Blocks of 32 of 4 bits: a half-precision scale and minimum.</summary>
    Q4_1,

    /// <summary>Blocks of 32 of 5 bits: a half-precision scale, values from -16 on.</summary>
    Q5_0,

    /// <summary>Blocks of 32 of 5 bits: a half-precision scale and minimum.</summary>
    Q5_1,

    /// <summary>Blocks of 32 of 8 bits: a half-precision scale, signed values.</summary>
    Q8_0,

    /// <summary>Super-blocks of 256 of 2 bits, scales and minima of 4 bits.</summary>
    Q2_K,

    /// <summary>Super-blocks of 256 of 3 bits, scales of 6 bits.</summary>
    Q3_K,

    /// <summary>Super-blocks of 256 of 4 bits, scales and minima of 6 bits.</summary>
    Q4_K,

    /// <summary>Super-blocks of 256 of 5 bits, scales and minima of 6 bits.</summary>
    Q5_K,

    /// <summary>Super-blocks of 256 of 6 bits, scales of 8 bits.</summary>
    Q6_K,

    /// <summary>Super-blocks of 256, 8 at a time one of 256 entries; 2.06 bits an element.</summary>
    IQ2_XXS,

    /// <summary>Super-blocks of 256, 8 at a time one of 512 entries; 2.31 bits an element.</summary>
    IQ2_XS,

    /// <summary>Super-blocks of 256, 4 at a time one of 256 entries; 3.06 bits an element.</summary>
    IQ3_XXS,

    /// <summary>Super-blocks of 256, 8 at a time one of 2048 ternary entries; 1.56 bits an element.</summary>
    IQ1_S,

    /// <summary>Blocks of 32 of 4 bits: a half-precision scale, unevenly spaced values.</summary>
    IQ4_NL,

    /// <summary>Super-blocks of 256, 4 at a time one of 512 entries; 3.44 bits an element.</summary>
    IQ3_S,

    /// <summary>Super-blocks of 256, 8 at a time one of 1024 entries; 2.56 bits an element.</summary>
    IQ2_S,

    /// <summary>Super-blocks of 256 of 4 bits, unevenly spaced values, scales of 6 bits.</summary>
    IQ4_XS,

    /// <summary>Super-blocks of 256, 8 at a time one of 2048 ternary entries; 1.75 bits an element.</summary>
    IQ1_M,

    /// <summary>Super-blocks of 256 of three values, five a byte.</summary>
    TQ1_0,

    /// <summary>Super-blocks of 256 of three values, four a byte.</summary>
    TQ2_0,

    /// <summary>Blocks of 32 of 4-bit floating point (E2M1), the scale a power of two.</summary>
    MXFP4,

    /// <summary>Blocks of 64 of 4-bit floating point (E2M1), an 8-bit scale for each 16.</summary>
    NVFP4,

    /// <summary>8 bits of exponent alone: powers of two, for the scales of other types.</summary>
    F8_E8M0,
}
