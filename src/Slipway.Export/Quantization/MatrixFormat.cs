using System.Globalization;
using Slipway.Export.Weights;
using Slipway.Onnx;

namespace Slipway.Export.Quantization;

/// <summary>The way one matrix is stored: <c>int4</c>, <c>int8:search/128</c>, <c>fp16</c>.</summary>
/// <param name="Precision">Its precision.</param>
/// <param name="Method">The method's name; null for the export's.</param>
/// <param name="BlockSize">Weights that share a scale; null for the export's.</param>
public sealed record MatrixFormat(Precision Precision, string? Method = null, int? BlockSize = null)
{
    /// <summary>Reads a format: a precision, then <c>:</c> and a method, then <c>/</c> and a block size.</summary>
    /// <exception cref="ArgumentException">A part is not known.</exception>
    public static MatrixFormat Parse(string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        var (head, block) = Cut(text, '/');
        var (precision, method) = Cut(head, ':');
        int? size = block is null ? null
            : int.TryParse(block, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new ArgumentException(
                $"'{text}' has the block size '{block}'; expected 16, 32, 64, 128 or 256, as in 'int8/128'.",
                nameof(text));
        MatrixFormat format = new(Precisions.Find(precision), method is null
            ? null : QuantizationMethods.Find(method).Name, size);
        if (format.BitsOf() is { } bits)
        {
            WeightQuantizer.Check(
                new BlockLayout(1, bits, size ?? 32), method is null ? null : QuantizationMethods.Find(method));
        }

        return format;
    }

    /// <summary>Returns the text that <see cref="Parse"/> reads.</summary>
    public override string ToString()
    {
        var method = Method is null ? "" : $":{Method}";
        var block = BlockSize is { } size ? string.Create(CultureInfo.InvariantCulture, $"/{size}") : "";
        return $"{Precisions.NameOf(Precision)}{method}{block}";
    }

    /// <summary>Bits of a code; null for numbers.</summary>
    internal int? BitsOf() => Precision switch
    {
        Precision.Int8 => 8,
        Precision.Int4 => 4,
        Precision.Int2 => 2,
        _ => null,
    };

    /// <summary>The way to write a matrix so; everything must be filled in.</summary>
    /// <param name="inputs">Statistics of its inputs.</param>
    /// <param name="exactActivations">Whether 8-bit weights multiply inputs as they are.</param>
    internal WeightFormat Open(MatrixInputs inputs, bool exactActivations) => BitsOf() is { } bits
        ? new BlockFormat(bits, BlockSize!.Value, QuantizationMethods.Find(Method!), bits < 8 || !exactActivations)
        {
            Inputs = inputs,
        }
        : new FloatFormat(Precision == Precision.Float16 ? ElementType.Float16 : ElementType.Float32);

    private static (string Head, string? Tail) Cut(string text, char separator) =>
        text.IndexOf(separator, StringComparison.Ordinal) is >= 0 and var index
            ? (text[..index], text[(index + 1)..])
            : (text, null);
}
