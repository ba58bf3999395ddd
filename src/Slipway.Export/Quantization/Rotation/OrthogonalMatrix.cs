using System.Numerics.Tensors;

namespace Slipway.Export.Quantization.Rotation;

/// <summary>An orthogonal matrix Q that mixes all elements of a vector and is never written down.</summary>
/// <remarks>
/// Q = diag(±1)·(C ⊗ H): random signs, Hadamard's matrix of the largest power of two that divides the size, and the
/// discrete cosine transform of the rest. A vector is multiplied in O(n·(log n + rest)). Source: Ashkboos et al.,
/// QuaRot (arXiv 2404.00456).
/// </remarks>
internal sealed class OrthogonalMatrix
{
    private const int Seed = 1;

    private readonly float[] _signs;
    private readonly float[] _cosines;
    private readonly int _power;

    /// <summary>Makes the matrix of a size, the same one each time.</summary>
    public OrthogonalMatrix(int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        Random random = new(Seed);
        Size = size;
        _signs = [.. Enumerable.Range(0, size).Select(_ => random.Next(2) == 0 ? 1f : -1f)];
        _power = size & -size;
        var rest = size / _power;
        _cosines = new float[rest * rest];
        for (var row = 0; row < rest; row++)
        {
            for (var column = 0; column < rest; column++)
            {
                _cosines[(row * rest) + column] = (float)(Math.Sqrt((row == 0 ? 1.0 : 2.0) / rest / _power)
                    * Math.Cos(Math.PI * ((2 * column) + 1) * row / (2 * rest)));
            }
        }
    }

    /// <summary>Rows and columns.</summary>
    public int Size { get; }

    /// <summary>Replaces a vector x, a row, by x·Q.</summary>
    public void Apply(Span<float> values)
    {
        TensorPrimitives.Multiply(values, _signs, values);
        for (var start = 0; start < Size; start += _power)
        {
            Hadamard(values.Slice(start, _power));
        }

        var rest = Size / _power;
        var mixed = new float[Size];
        for (var row = 0; row < rest; row++)
        {
            var target = mixed.AsSpan(row * _power, _power);
            for (var column = 0; column < rest; column++)
            {
                TensorPrimitives.MultiplyAdd(
                    values.Slice(column * _power, _power), _cosines[(row * rest) + column], target, target);
            }
        }

        mixed.CopyTo(values);
    }

    private static void Hadamard(Span<float> values)
    {
        for (var half = 1; half < values.Length; half *= 2)
        {
            for (var start = 0; start < values.Length; start += 2 * half)
            {
                for (var index = start; index < start + half; index++)
                {
                    var (x, y) = (values[index], values[index + half]);
                    (values[index], values[index + half]) = (x + y, x - y);
                }
            }
        }
    }
}
