using Slipway.Checkpoints;
using Slipway.Export.Quantization;
using Slipway.Onnx;
using Slipway.Packaging;

namespace Slipway.Export.Weights;

/// <summary>The formats that a package's weights are stored in.</summary>
/// <param name="Matrices">For all matrices.</param>
/// <param name="Tables">For tables that cannot be looked up in the matrices' format.</param>
/// <param name="Recipe">What <c>slipway.json</c> says about it.</param>
internal sealed record WeightFormats(WeightFormat Matrices, WeightFormat Tables, QuantizationRecipe? Recipe)
{
    /// <summary>The method that <c>slipway.json</c> names for codes that the checkpoint held already.</summary>
    public const string Prequantized = "prequantized";

    /// <summary>Single precision for all.</summary>
    public static WeightFormats Single { get; } =
        new(new FloatFormat(ElementType.Float32), new FloatFormat(ElementType.Float32), null);

    /// <summary>Tells whether codes that the checkpoint holds are kept.</summary>
    public bool KeepsCodes => Matrices is PrequantizedFormat { KeepsCodes: true };

    /// <summary>Checks that bits can be spent.</summary>
    /// <exception cref="ArgumentException">Nothing is free to spend them on.</exception>
    public static void CheckBits(double? bits, Precision precision, string? method, ICalibration? calibration)
    {
        if (bits is null)
        {
            return;
        }

        var reason = precision is not (Precision.Int4 or Precision.Int2) ? "the precision is neither int4 nor int2"
            : method is not null ? $"the method '{method}' is named for all matrices"
            : calibration is null ? "no Calibration shows where the model loses most"
            : null;
        if (reason is not null)
        {
            throw new ArgumentException(
                $"BitsPerWeight spends bits by what the model loses, but {reason}. Leave BitsPerWeight out.",
                nameof(bits));
        }
    }

    /// <summary>Chooses the formats of a package.</summary>
    /// <param name="options">The kind of package.</param>
    /// <param name="exactActivations">Whether 8-bit weights multiply inputs as they are.</param>
    /// <param name="checkpoint">
    /// The checkpoint; its quantized values stay where they have as many bits and no method is asked for.
    /// </param>
    public static WeightFormats Choose(ExportOptions options, bool exactActivations, Checkpoint checkpoint)
    {
        QuantizationOptions.Require(options.Precision, options.Method, options.BlockSize, options.Recipe);
        CheckBits(options.BitsPerWeight, options.Precision, options.Method, options.Calibration);
        FloatFormat half = new(ElementType.Float16);
        return options.Precision switch
        {
            Precision.Float32 => Single,
            Precision.Float16 => new(half, half, null),
            Precision.Int8 => Blocks(8),
            Precision.Int4 => Blocks(4),
            Precision.Int2 => Blocks(2),
            _ => throw new ArgumentOutOfRangeException(
                nameof(options), options.Precision,
                "The precision is none of Float32, Float16, Int8, Int4 and Int2."),
        };

        WeightFormats Blocks(int bits)
        {
            var method = QuantizationMethods.Choose(options.Method, bits, options.Calibration is not null);
            WeightQuantizer.Check(new BlockLayout(1, bits, options.BlockSize), method);
            BlockFormat anew = new(bits, options.BlockSize, method, bits < 8 || !exactActivations);
            QuantizationRecipe recipe = new() { Method = method.Name, Bits = bits, BlockSize = options.BlockSize };
            if (!options.Requantize && method.Values is not null
                && checkpoint.Quantized.Values.FirstOrDefault(
                    stored => CodeTable.AreEqual(stored.Values, method.Values)) is { } table)
            {
                return new(
                    new PrequantizedFormat(bits, keepsCodes: true, anew, anew, checkpoint, method), half,
                    recipe with { BlockSize = table.GroupSize });
            }

            if (options.Method is not null || options.Requantize
                || (checkpoint.Quantization is null && checkpoint.Quantized.Count == 0))
            {
                return new(anew, half, recipe);
            }

            if (options.BitsPerWeight is not null)
            {
                throw new ArgumentException(
                    $"'{checkpoint.Path}' holds codes that are kept as they are, so BitsPerWeight has nothing to spend "
                    + "bits on. Leave it out, or set Requantize ('--requantize').",
                    nameof(options));
            }

            if (checkpoint.Quantization is null)
            {
                return KeepTypes(bits, anew, recipe, half);
            }

            // What the checkpoint holds as numbers stays so where it is the library's choice of what to quantize.
            return checkpoint.Quantized.Values.FirstOrDefault(
                stored => stored.Bits <= bits && stored.Values is null) is { } prequantized
                ? new(
                    new PrequantizedFormat(bits, keepsCodes: true, anew, half, checkpoint), half,
                    recipe with { Method = Prequantized, BlockSize = prequantized.GroupSize })
                : new(new PrequantizedFormat(bits, keepsCodes: false, anew, anew, checkpoint), half, recipe);
        }

        // A file of quantized types has what matters more in types of more bits, which 8 bits hold; but where most
        // weights have fewer bits, 8 bits for each would be a waste.
        WeightFormats KeepTypes(int bits, BlockFormat anew, QuantizationRecipe recipe, FloatFormat half)
        {
            var kept = checkpoint.Quantized.Values.Where(stored => stored.Bits == bits)
                .Sum(stored => (long)stored.Rows * stored.Columns);
            var fewer = checkpoint.Tensors.Values
                .Where(tensor => bits < 8 && tensor.Type.BlockBytes() * 8 < tensor.Type.BlockSize() * bits)
                .Sum(tensor => tensor.Count);
            if (kept <= fewer)
            {
                return new(anew, half, recipe);
            }

            BlockFormat wide = new(
                8, options.BlockSize, QuantizationMethods.Choose(null, 8, isCalibrated: false), !exactActivations);
            return new(
                new PrequantizedFormat(bits, keepsCodes: true, anew, wide, checkpoint, roundsActivations: true), half,
                recipe with
                {
                    Method = Prequantized,
                    BlockSize = checkpoint.Quantized.Values.First(stored => stored.Bits == bits).GroupSize,
                });
        }
    }
}

/// <summary>A way to store a matrix of weights.</summary>
internal abstract class WeightFormat
{
    /// <summary>Writes a matrix, chunk by chunk, so that memory never holds more than one.</summary>
    public abstract GraphWeight Write(WeightWriter writer, string name, Weight weight);

    /// <summary>The one format for these stacks of matrices; this one where it can hold them.</summary>
    public abstract WeightFormat ForStacks(params IReadOnlyList<Weight> stacks);

    /// <summary>Writes matrices of the same shape, one below the other, as one constant.</summary>
    public abstract GraphStack WriteStack(WeightWriter writer, string name, Weight weight, int count);

    /// <summary>Tells whether rows of a matrix with so many columns can be looked up.</summary>
    public abstract bool CanGather(int columns);
}

/// <summary>A matrix of weights [rows, columns] that stands in the package.</summary>
internal abstract class GraphWeight
{
    /// <summary>x · weightᵀ (+ bias), […, columns] → […, rows].</summary>
    /// <param name="scope">Where nodes go.</param>
    /// <param name="x">[…, columns].</param>
    /// <param name="bias">[rows], or default for none.</param>
    public abstract GraphValue Multiply(NodeScope scope, GraphValue x, GraphValue bias);

    /// <summary>The rows at indices, […] → […, columns].</summary>
    public abstract GraphValue Gather(NodeScope scope, GraphValue indices);
}

/// <summary>Matrices of the same shape that stand in the package as one constant.</summary>
internal abstract record GraphStack;
