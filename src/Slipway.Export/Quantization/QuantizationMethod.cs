namespace Slipway.Export.Quantization;

/// <summary>
/// A way to turn the rows of a matrix into small integers: one scale and one zero point for each block.
/// </summary>
/// <remarks>
/// A code q of a block with scale s and zero point z stands for (q − z)·s, with a minimum m for q·s + m. Instances hold
/// no state and are safe for concurrent use. A new method is a subclass and a row in <see cref="QuantizationMethods"/>.
/// </remarks>
public abstract class QuantizationMethod
{
    /// <summary>The name that <c>--method</c> and <c>slipway.json</c> use.</summary>
    public abstract string Name { get; }

    /// <summary>One line for people choosing a method.</summary>
    public abstract string Description { get; }

    /// <summary>Statistics of a matrix's inputs that it needs.</summary>
    /// <value><see cref="StatisticsNeed.None"/></value>
    public virtual StatisticsNeed Needs => StatisticsNeed.None;

    /// <summary>Tells whether blocks have minima, any numbers, in the place of zero points, which are codes.</summary>
    /// <value>false</value>
    public virtual bool HasMinima => false;

    /// <summary>Prepares to quantize the rows of one matrix.</summary>
    /// <param name="layout">The matrix's columns and how they are divided.</param>
    /// <param name="statistics">Statistics of its inputs; null where none were taken, which counts all inputs
    /// alike.</param>
    /// <returns>Quantizes a row; safe for concurrent use.</returns>
    public abstract RowQuantizer Prepare(BlockLayout layout, InputStatistics? statistics);
}

/// <summary>Quantizes one row of a weight [rows, columns].</summary>
/// <param name="row">The row's finite weights.</param>
/// <param name="codes">Receives one code a byte, blocks × block size; the padding of a short last block gets the zero
/// point.</param>
/// <param name="scales">Receives one scale a block.</param>
/// <param name="offsets">Receives one zero point or minimum a block.</param>
public delegate void RowQuantizer(
    ReadOnlySpan<float> row, Span<byte> codes, Span<float> scales, Span<float> offsets);

/// <summary>Says how the columns of a matrix are divided into blocks of codes.</summary>
/// <param name="Columns">Columns of the matrix.</param>
/// <param name="Bits">Bits of a code.</param>
/// <param name="BlockSize">Columns that share a scale; a power of two from 16 to 256.</param>
public readonly record struct BlockLayout(int Columns, int Bits, int BlockSize)
{
    /// <summary>The largest code.</summary>
    public int Maximum => (1 << Bits) - 1;

    /// <summary>Blocks of a row.</summary>
    public int Blocks => (Columns + BlockSize - 1) / BlockSize;
}

/// <summary>The table of quantization methods.</summary>
public static class QuantizationMethods
{
    /// <summary>Every method, the one first that is used where none is named and nothing is known of inputs.</summary>
    public static IReadOnlyList<QuantizationMethod> All { get; } =
    [
        new SearchedScales(), new RoundToNearest(), new WeightedSearch(), new FittedScales(), new FittedMinima(),
        new Gptq(), new Hqq(),
    ];

    /// <summary>The method that is used where none is named and nothing is known of inputs.</summary>
    public static QuantizationMethod Default => All[0];

    /// <summary>The method that is used where none is named and statistics of inputs are taken.</summary>
    public static QuantizationMethod Calibrated { get; } = All.First(method => method is FittedScales);

    /// <summary>The method that takes its place where minima leave much less of the error.</summary>
    internal static QuantizationMethod WithMinima { get; } = All.First(method => method is FittedMinima);

    /// <summary>Finds the method of a package.</summary>
    /// <param name="name">Its name; null for the default.</param>
    /// <param name="bits">Bits of a code: eight are fine enough by themselves.</param>
    /// <param name="isCalibrated">Whether statistics of inputs can be taken.</param>
    internal static QuantizationMethod Choose(string? name, int bits, bool isCalibrated) =>
        name is not null ? Find(name) : isCalibrated && bits < 8 ? Calibrated : Default;

    /// <summary>Finds a method by its name.</summary>
    /// <param name="name">Its <see cref="QuantizationMethod.Name"/>, in any case.</param>
    /// <exception cref="ArgumentException">No method has that name; the message lists those that there are.</exception>
    public static QuantizationMethod Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return All.FirstOrDefault(method => method.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException(
                $"There is no quantization method '{name}'. Choose one of " +
                $"{string.Join(", ", All.Select(method => $"'{method.Name}'"))}.", nameof(name));
    }
}
