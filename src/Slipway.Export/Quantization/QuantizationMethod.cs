using System.Numerics;
using System.Runtime.InteropServices;

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

    /// <summary>Values of the 16 codes, to be multiplied by a block's scale; null where codes form a grid.</summary>
    /// <value>null</value>
    public virtual IReadOnlyList<float>? Values => null;

    /// <summary>Tells whether columns are scaled first, by factors that the layer before takes up.</summary>
    /// <value>false</value>
    public virtual bool ScalesInputs => false;

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
    private static readonly FittedScales Fitted = new();
    private static readonly FittedMinima Minima = new();
    private static readonly Gptq Rounded = new(Fitted, isPlain: true);

    /// <summary>Every method, the one first that is used where none is named and nothing is known of inputs.</summary>
    public static IReadOnlyList<QuantizationMethod> All { get; } =
    [
        new SearchedScales(), new RoundToNearest(), new WeightedSearch(), Fitted, Minima, Rounded,
        new Gptq(Minima, isPlain: false), new Hqq(), new Awq(Fitted, isPlain: true),
        new Awq(new WeightedSearch(), isPlain: false), new Awq(Minima, isPlain: false),
        new Awq(Rounded, isPlain: false), CodeTable.Nf4, CodeTable.Fp4,
    ];

    /// <summary>The method that is used where none is named and nothing is known of inputs.</summary>
    public static QuantizationMethod Default => All[0];

    /// <summary>The method that is used where none is named and statistics of inputs are taken.</summary>
    public static QuantizationMethod Calibrated => Rounded;

    /// <summary>The method that takes its place where minima leave much less of the error.</summary>
    internal static QuantizationMethod WithMinima { get; } = All.First(method => method is Gptq { HasMinima: true });

    /// <summary>The method whose errors show how much the model minds those of a matrix.</summary>
    internal static QuantizationMethod Probe { get; } = All.First(method => method is RoundToNearest);

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

/// <summary>A method that chooses the grid of each block by itself.</summary>
public abstract class BlockMethod : QuantizationMethod
{
    private const int MaxBlock = 256;

    /// <inheritdoc/>
    public sealed override RowQuantizer Prepare(BlockLayout layout, InputStatistics? statistics)
    {
        var importance = Importance(layout, statistics);
        return (row, codes, scales, offsets) =>
            QuantizeRow(row, importance, layout, codes, scales, offsets);
    }

    /// <summary>Chooses the grid of one whole block.</summary>
    /// <param name="weights">The block's weights; padding is 0.</param>
    /// <param name="importance">What a squared error of each weight counts for; positive.</param>
    /// <param name="low">The smallest weight, or 0: every grid can express that.</param>
    /// <param name="high">The largest weight, or 0; far enough above the smallest for a step between them.</param>
    /// <param name="maximum">The largest code.</param>
    protected abstract BlockGrid QuantizeBlock(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, float low, float high, int maximum);

    private static (float Low, float High) RangeOf(ReadOnlySpan<float> weights)
    {
        Vector<float> low = Vector<float>.Zero, high = Vector<float>.Zero;
        foreach (var values in MemoryMarshal.Cast<float, Vector<float>>(weights))
        {
            low = Vector.Min(low, values);
            high = Vector.Max(high, values);
        }

        float min = 0, max = 0;
        for (var i = 0; i < Vector<float>.Count; i++)
        {
            min = Math.Min(min, low[i]);
            max = Math.Max(max, high[i]);
        }

        return (min, max);
    }

    // Padded to whole blocks. Inputs that were never seen still count for a little, so that every grid is defined.
    internal static float[] Importance(BlockLayout layout, InputStatistics? statistics)
    {
        const float Least = 1e-4f;
        var importance = new float[layout.Blocks * layout.BlockSize];
        Array.Fill(importance, 1);
        if (statistics is not null && statistics.Mean is > 0 and var mean)
        {
            for (var column = 0; column < layout.Columns; column++)
            {
                importance[column] = Math.Max(statistics.Moments[column] / mean, Least);
            }
        }

        return importance;
    }

    private void QuantizeRow(
        ReadOnlySpan<float> row, ReadOnlySpan<float> importance, BlockLayout layout, Span<byte> codes,
        Span<float> scales, Span<float> offsets)
    {
        var blockSize = layout.BlockSize;
        Span<float> padded = stackalloc float[MaxBlock];
        var block = padded[..blockSize];
        for (int index = 0, start = 0; start < row.Length; index++, start += blockSize)
        {
            scoped ReadOnlySpan<float> weights = row[start..Math.Min(start + blockSize, row.Length)];
            if (weights.Length < blockSize)
            {
                block.Clear();
                weights.CopyTo(block);
                weights = block;
            }

            var (low, high) = RangeOf(weights);
            var grid = float.IsNormal((high - low) / layout.Maximum)
                ? QuantizeBlock(weights, importance.Slice(start, blockSize), low, high, layout.Maximum)
                : BlockGrid.Zero(layout.Maximum);
            grid.Encode(weights, codes.Slice(start, blockSize), layout.Maximum);
            scales[index] = grid.Scale;
            offsets[index] = grid.ZeroPoint;
        }
    }
}

/// <summary>The values that a block's codes can stand for: (code − <see cref="ZeroPoint"/>)·<see cref="Scale"/>,
/// where a code is found by dividing by <see cref="Step"/>.</summary>
/// <param name="Step">The step that weights are divided by and rounded.</param>
/// <param name="ZeroPoint">The code of the value 0.</param>
/// <param name="Scale">The step that codes are multiplied by when they are read.</param>
/// <remarks>The two steps differ where the scale was fitted to the codes after they had been found.</remarks>
public readonly record struct BlockGrid(float Step, byte ZeroPoint, float Scale)
{
    /// <summary>The grid of a block that holds only zeros.</summary>
    /// <param name="maximum">The largest code.</param>
    public static BlockGrid Zero(int maximum) => new(1, (byte)((maximum + 1) / 2), 1);

    /// <summary>Writes the code of each weight, clamped to 0 … <paramref name="maximum"/>.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="codes">Receives as many codes.</param>
    /// <param name="maximum">The largest code, 15 or 255.</param>
    public void Encode(ReadOnlySpan<float> weights, Span<byte> codes, int maximum)
    {
        var inverse = 1 / Step;
        for (var i = 0; i < weights.Length; i++)
        {
            var code = MathF.Round(weights[i] * inverse) + ZeroPoint;
            codes[i] = (byte)Math.Clamp(code, 0, maximum);
        }
    }
}
