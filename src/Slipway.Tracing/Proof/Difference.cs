using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Tracing.Recording;
using TorchSharp;

namespace Slipway.Tracing.Proof;

/// <summary>The largest difference of two tensors.</summary>
/// <param name="Absolute">The largest difference of two elements.</param>
/// <param name="Relative">That difference over the largest element.</param>
internal readonly record struct Difference(double Absolute, double Relative)
{
    private const int Piece = 1 << 14;
    private const long TorchPiece = 1 << 20;

    /// <summary>Compares a graph's output with a tensor; elements that are no numbers must be so in both.</summary>
    public static Difference Of(OrtValue actual, torch.Tensor expected)
    {
        using var scope = torch.NewDisposeScope();
        var info = actual.GetTensorTypeAndShape();
        if (info.ElementDataType == TensorElementType.Float && expected.dtype == torch.ScalarType.Float32
            && info.Shape.AsSpan().SequenceEqual(expected.shape) && FitsSpan(expected))
        {
            return OfSingles(actual.GetTensorDataAsSpan<float>(), TensorMemory.Elements(expected));
        }

        return Of(GraphRunner.ToTorch(actual), expected);
    }

    /// <summary>Compares two tensors of one shape; elements that are no numbers must be so in both.</summary>
    public static Difference Of(torch.Tensor actual, torch.Tensor expected)
    {
        using var scope = torch.NewDisposeScope();
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape))
        {
            return new(double.PositiveInfinity, double.PositiveInfinity);
        }

        if (actual.dtype == torch.ScalarType.Float32 && expected.dtype == torch.ScalarType.Float32
            && FitsSpan(expected))
        {
            return OfSingles(Singles(actual), TensorMemory.Elements(expected));
        }

        var (left, right) = (actual.cpu().reshape(-1), expected.cpu().reshape(-1));
        double largest = 0, scale = 0;
        for (long start = 0; start < left.numel(); start += TorchPiece)
        {
            using var piece = torch.NewDisposeScope();
            var count = Math.Min(TorchPiece, left.numel() - start);
            var (difference, size) = OfPiece(
                left.narrow(0, start, count).to(torch.ScalarType.Float64),
                right.narrow(0, start, count).to(torch.ScalarType.Float64));
            (largest, scale) = (Math.Max(largest, difference), Math.Max(scale, size));
        }

        return Over(largest, scale);
    }

    private static Difference OfSingles(ReadOnlySpan<float> left, torch.Tensor right)
    {
        var read = 0;
        return OfSingles(left, piece =>
        {
            Singles(right).Slice(read, piece.Length).CopyTo(piece);
            read += piece.Length;
        });
    }

    /// <summary>Compares numbers with others that are read piece by piece.</summary>
    public static Difference OfSingles(ReadOnlySpan<float> left, ReadSingles read)
    {
        var buffer = new float[Math.Min(Piece, left.Length)];
        var right = new float[buffer.Length];
        double largest = 0, scale = 0;
        for (var start = 0; start < left.Length; start += Piece)
        {
            var count = Math.Min(Piece, left.Length - start);
            var a = left.Slice(start, count);
            var b = right.AsSpan(0, count);
            read(b);
            var difference = buffer.AsSpan(0, count);
            TensorPrimitives.Subtract(a, b, difference);
            var piece = Math.Abs(TensorPrimitives.MaxMagnitude<float>(difference));
            var size = Math.Abs(TensorPrimitives.MaxMagnitude<float>(b));
            if (!float.IsFinite(piece) || !float.IsFinite(size))
            {
                (piece, size) = OfUnusual(a, b);
            }

            (largest, scale) = (Math.Max(largest, piece), Math.Max(scale, size));
        }

        return Over(largest, scale);
    }

    // Elements that are equal, infinite ones too, and pairs of no numbers do not differ.
    private static (float Difference, float Scale) OfUnusual(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        float largest = 0, scale = 0;
        for (var index = 0; index < left.Length; index++)
        {
            var (a, b) = (left[index], right[index]);
            scale = float.IsFinite(b) ? Math.Max(scale, Math.Abs(b)) : scale;
            if (!a.Equals(b) && a != b)
            {
                var difference = Math.Abs(a - b);
                largest = float.IsNaN(difference) ? float.PositiveInfinity : Math.Max(largest, difference);
            }
        }

        return (largest, scale);
    }

    private static (double Difference, double Scale) OfPiece(torch.Tensor left, torch.Tensor right)
    {
        var isSame = left.eq(right).logical_or(left.isnan().logical_and(right.isnan()));
        var difference = torch.where(isSame, torch.zeros_like(left), (left - right).abs());
        difference = torch.nan_to_num(difference, double.PositiveInfinity, double.PositiveInfinity);
        var scale = torch.where(right.isfinite(), right.abs(), torch.zeros_like(right));
        return (difference.max().ToDouble(), scale.max().ToDouble());
    }

    private static Difference Over(double largest, double scale)
        => new(largest, largest.Equals(0.0) ? 0 : largest / Math.Max(scale, 1e-30));

    private static bool FitsSpan(torch.Tensor tensor) => tensor.numel() <= int.MaxValue / sizeof(float);

    private static ReadOnlySpan<float> Singles(torch.Tensor tensor)
        => tensor.numel() == 0 ? [] : MemoryMarshal.Cast<byte, float>(TensorMemory.Elements(tensor).bytes);
}

/// <summary>Reads the next numbers.</summary>
internal delegate void ReadSingles(Span<float> piece);
