using System.Buffers;
using System.Numerics.Tensors;

namespace Slipway.Export.Quantization;

/// <summary>Factors and solves symmetric positive definite systems of equations.</summary>
/// <remarks>Matrices are row-major; their lower triangle is read.</remarks>
internal static class SymmetricSystem
{
    // Below it a column is not worth sharing between cores.
    private const int ParallelFrom = 256;

    /// <summary>Solves A·x = b in place by Cholesky's factors.</summary>
    /// <param name="matrix">A, [size, size]; holds its factor afterwards.</param>
    /// <param name="right">b, [size]; holds x afterwards.</param>
    /// <returns>Whether A is positive definite; else neither means anything.</returns>
    public static bool TrySolve(Span<float> matrix, Span<float> right)
    {
        var size = right.Length;
        for (var row = 0; row < size; row++)
        {
            var values = matrix.Slice(row * size, size);
            for (var column = 0; column < row; column++)
            {
                var above = matrix.Slice(column * size, size);
                values[column] =
                    (values[column] - TensorPrimitives.Dot(values[..column], above[..column])) / above[column];
            }

            var rest = values[row] - TensorPrimitives.Dot(values[..row], values[..row]);
            if (!(rest > 0))
            {
                return false;
            }

            values[row] = MathF.Sqrt(rest);
            right[row] = (right[row] - TensorPrimitives.Dot(values[..row], right[..row])) / values[row];
        }

        for (var row = size - 1; row >= 0; row--)
        {
            right[row] /= matrix[(row * size) + row];
            TensorPrimitives.MultiplyAdd(matrix.Slice(row * size, row), -right[row], right[..row], right[..row]);
        }

        return true;
    }

    /// <summary>Computes the inverse of Cholesky's factor L of a matrix in place, on all cores.</summary>
    /// <param name="matrix">[size, size]; its lower triangle holds L⁻¹ afterwards.</param>
    /// <param name="size">Rows and columns.</param>
    /// <returns>Whether the matrix is positive definite; else its elements mean nothing.</returns>
    public static bool TryInvertFactor(float[] matrix, int size)
    {
        for (var column = 0; column < size; column++)
        {
            var pivot = matrix.AsSpan(column * size, column + 1);
            var rest = pivot[column] - TensorPrimitives.Dot(pivot[..column], pivot[..column]);
            if (!(rest > 0))
            {
                return false;
            }

            pivot[column] = MathF.Sqrt(rest);
            var (done, inverse) = (column, 1 / pivot[column]);
            ForEach(column + 1, size, row =>
            {
                ReadOnlySpan<float> above = matrix.AsSpan(done * size, done);
                var values = matrix.AsSpan(row * size, done + 1);
                values[done] = (values[done] - TensorPrimitives.Dot(values[..done], above)) * inverse;
            });
        }

        // A column of the inverse depends on no other one; they stand in rows until the end.
        var columns = ArrayPool<float>.Shared.Rent(matrix.Length);
        Parallel.For(0, size, column =>
        {
            var values = columns.AsSpan(column * size, size);
            values[column] = 1 / matrix[(column * size) + column];
            for (var row = column + 1; row < size; row++)
            {
                var length = row - column;
                var sum = TensorPrimitives.Dot<float>(
                    matrix.AsSpan((row * size) + column, length), values.Slice(column, length));
                values[row] = -sum / matrix[(row * size) + row];
            }
        });
        Parallel.For(0, size, row =>
        {
            for (var column = 0; column <= row; column++)
            {
                matrix[(row * size) + column] = columns[(column * size) + row];
            }
        });
        ArrayPool<float>.Shared.Return(columns);
        return true;
    }

    private static void ForEach(int first, int end, Action<int> body)
    {
        if (end - first >= ParallelFrom)
        {
            Parallel.For(first, end, body);
            return;
        }

        for (var index = first; index < end; index++)
        {
            body(index);
        }
    }
}
