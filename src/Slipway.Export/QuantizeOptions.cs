using Slipway.Export.Quantization;

namespace Slipway.Export;

/// <summary>Says how the matrices of a float package are quantized.</summary>
public sealed record QuantizeOptions
{
    /// <summary>Precision of the stored weights.</summary>
    public Precision Precision { get; init; } = Precision.Int4;

    /// <summary>Method that chooses quantized values; null for the default, as in <see cref="ExportOptions.Method"/>.
    /// </summary>
    public string? Method { get; init; }

    /// <summary>Weights that share a scale: 16, 32, 64, 128 or 256.</summary>
    public int BlockSize { get; init; } = 32;

    /// <summary>Matrices that are stored in another way; the first rule that fits one counts.</summary>
    public IReadOnlyList<RecipeRule> Recipe { get; init; } = [];

    /// <summary>
    /// The most bits that a weight takes on average, scales and offsets included, over the matrices whose method
    /// neither <see cref="Method"/> nor a rule of <see cref="Recipe"/> names.
    /// </summary>
    /// <value>null: up to 1.2 more than codes have, 5.2 for int4, as far as they are worth it.</value>
    /// <remarks>
    /// They are spent where the model loses most over the text of <see cref="Calibration"/>, which is needed: on minima
    /// in the place of zero points, and on 8 bits. Unless told, bits are spent that save more than they would save if
    /// all matrices had them: another bit for all weights saves three quarters of the loss.
    /// </remarks>
    public double? BitsPerWeight { get; init; }

    /// <summary>Runs the model for methods that must know the inputs of its matrices; null where nothing can.</summary>
    public ICalibration? Calibration { get; init; }

    /// <summary>Tells whether hidden states are turned first, as in <see cref="ExportOptions.Rotate"/>.</summary>
    public bool Rotate { get; init; }

    /// <summary>Tells whether a package that stands in the target folder is replaced.</summary>
    public bool Overwrite { get; init; }
}
