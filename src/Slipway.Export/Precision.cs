namespace Slipway.Export;

/// <summary>Precision of a package's weights.</summary>
/// <remarks>
/// Activations, norms and biases are float32 in each. How keys and values are kept is
/// <see cref="ExportOptions.KeyValueCache"/>.
/// </remarks>
public enum Precision
{
    /// <summary>Single precision.</summary>
    Float32,

    /// <summary>Half precision in the file; single precision once loaded, as CPUs compute it.</summary>
    /// <remarks>
    /// A matrix with a weight that half precision cannot express stays in single precision; activations always are.
    /// </remarks>
    Float16,

    /// <summary>8-bit codes with a scale and a zero point for each block.</summary>
    Int8,

    /// <summary>4-bit codes with a scale and a zero point for each block.</summary>
    Int4,

    /// <summary>2-bit codes with a scale and a zero point for each block; for most models too coarse.</summary>
    Int2,
}
