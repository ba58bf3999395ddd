using System.Buffers;
using System.Numerics.Tensors;
using Slipway.Checkpoints;

namespace Slipway.Export.Weights;

/// <summary>A matrix of weights [rows, columns] that is read when it is written, some rows at a time.</summary>
internal abstract class Weight(int rows, int columns)
{
    public int Rows { get; } = rows;

    public int Columns { get; } = columns;

    /// <summary>Quantized values that the checkpoint holds; null where it holds numbers.</summary>
    public virtual PrequantizedRows? Prequantized => null;

    /// <summary>Reads consecutive rows.</summary>
    public abstract void ReadRows(int first, int count, Span<float> destination);

    /// <summary>Which output of which of the checkpoint's layers a row is; null where it is no layer's.</summary>
    public virtual RowSource? SourceOf(int row) => null;
}

/// <summary>An output of a layer of the checkpoint.</summary>
/// <param name="Tensor">The layer's tensor.</param>
/// <param name="Output">The output.</param>
/// <param name="Scale">What it is multiplied by.</param>
internal readonly record struct RowSource(string Tensor, int Output, float Scale);

/// <summary>A tensor of the checkpoint, as it is stored.</summary>
internal sealed class CheckpointWeight(Checkpoint checkpoint, string name, int rows, int columns)
    : Weight(rows, columns)
{
    public override PrequantizedRows? Prequantized => checkpoint.Quantized.TryGetValue(name, out var stored)
        ? new PrequantizedRows(
            stored.Bits, stored.Columns, stored.GroupSize, stored.Groups,
            (first, count, codes, scales, zeroPoints) =>
                checkpoint.ReadQuantized(name, first, codes, scales, zeroPoints))
        {
            HasMinima = stored.HasMinima,
            Values = stored.Values,
        }
        : null;

    public override void ReadRows(int first, int count, Span<float> destination) =>
        checkpoint.ReadFloats(name, (long)first * Columns, destination[..(count * Columns)]);

    public override RowSource? SourceOf(int row) => new RowSource(name, row, 1);
}

/// <summary>Some consecutive rows of a matrix.</summary>
internal sealed class RowRange(Weight whole, int start, int rows) : Weight(rows, whole.Columns)
{
    public override PrequantizedRows? Prequantized => whole.Prequantized is { } all
        ? all.With((first, count, codes, scales, zeroPoints) =>
            all.Read(start + first, count, codes, scales, zeroPoints))
        : null;

    public override void ReadRows(int first, int count, Span<float> destination) =>
        whole.ReadRows(start + first, count, destination);

    public override RowSource? SourceOf(int row) => whole.SourceOf(start + row);
}

/// <summary>A matrix multiplied by a number.</summary>
internal sealed class ScaledWeight(Weight plain, float scale) : Weight(plain.Rows, plain.Columns)
{
    public override PrequantizedRows? Prequantized => plain.Prequantized is { } stored
        ? stored.With((first, count, codes, scales, zeroPoints) =>
        {
            stored.Read(first, count, codes, scales, zeroPoints);
            TensorPrimitives.Multiply(scales, scale, scales);
        })
        : null;

    public override void ReadRows(int first, int count, Span<float> destination)
    {
        plain.ReadRows(first, count, destination);
        var values = destination[..(count * Columns)];
        TensorPrimitives.Multiply(values, scale, values);
    }

    public override RowSource? SourceOf(int row) =>
        plain.SourceOf(row) is { } source ? source with { Scale = source.Scale * scale } : null;
}

/// <summary>Matrices of as many columns, one below the other.</summary>
internal sealed class StackedWeight(IReadOnlyList<Weight> parts)
    : Weight(parts.Sum(part => part.Rows), parts[0].Columns)
{
    public override PrequantizedRows? Prequantized =>
        parts[0].Prequantized is { } first && parts.All(part => part.Prequantized?.Fits(first) == true)
        ? first.With(ReadPrequantized)
        : null;

    private void ReadPrequantized(int first, int count, Span<byte> codes, Span<float> scales, Span<float> zeroPoints)
    {
        foreach (var part in parts)
        {
            var taken = Math.Clamp(part.Rows - first, 0, count);
            if (taken > 0)
            {
                var stored = part.Prequantized!;
                var groups = taken * stored.GroupCount;
                stored.Read(
                    first, taken, codes[..(taken * Columns)], scales[..groups], zeroPoints[..groups]);
                codes = codes[(taken * Columns)..];
                scales = scales[groups..];
                zeroPoints = zeroPoints[groups..];
                count -= taken;
                first += taken;
            }

            first -= part.Rows;
        }
    }

    public override void ReadRows(int first, int count, Span<float> destination)
    {
        foreach (var part in parts)
        {
            var taken = Math.Clamp(part.Rows - first, 0, count);
            if (taken > 0)
            {
                part.ReadRows(first, taken, destination);
                destination = destination[(taken * Columns)..];
                count -= taken;
                first += taken;
            }

            first -= part.Rows;
        }
    }

    public override RowSource? SourceOf(int row)
    {
        var index = 0;
        while (row >= parts[index].Rows)
        {
            row -= parts[index++].Rows;
        }

        return parts[index].SourceOf(row);
    }
}

/// <summary>The rows of two matrices in turn, beginning with the first one's.</summary>
internal sealed class InterleavedWeight(Weight even, Weight odd) : Weight(2 * even.Rows, even.Columns)
{
    public override PrequantizedRows? Prequantized =>
        even.Prequantized is { } first && odd.Prequantized is { } second && first.Fits(second)
            ? first.With((start, count, codes, scales, zeroPoints) =>
                ReadPrequantized(first, second, start, count, codes, scales, zeroPoints))
            : null;

    public override RowSource? SourceOf(int row) => (row % 2 == 0 ? even : odd).SourceOf(row / 2);

    private void ReadPrequantized(
        PrequantizedRows evenRows, PrequantizedRows oddRows, int first, int count, Span<byte> codes,
        Span<float> scales, Span<float> zeroPoints)
    {
        var groups = evenRows.GroupCount;
        for (var row = 0; row < count; row++)
        {
            var stored = (first + row) % 2 == 0 ? evenRows : oddRows;
            stored.Read(
                (first + row) / 2, 1, codes.Slice(row * Columns, Columns), scales.Slice(row * groups, groups),
                zeroPoints.Slice(row * groups, groups));
        }
    }

    public override void ReadRows(int first, int count, Span<float> destination)
    {
        int pair = first / 2, pairs = ((first + count + 1) / 2) - pair;
        var rows = ArrayPool<float>.Shared.Rent(pairs * Columns);
        try
        {
            Take(even, 0, destination);
            Take(odd, 1, destination);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rows);
        }

        void Take(Weight half, int turn, Span<float> destination)
        {
            half.ReadRows(pair, pairs, rows);
            for (var index = 0; index < pairs; index++)
            {
                var row = (2 * (pair + index)) + turn - first;
                if (row >= 0 && row < count)
                {
                    rows.AsSpan(index * Columns, Columns).CopyTo(destination[(row * Columns)..]);
                }
            }
        }
    }
}

/// <summary>The rows of a matrix in another order, some of which may be zeros.</summary>
/// <param name="plain">The matrix.</param>
/// <param name="order">For each row, which one of the matrix it is; negative for zeros.</param>
internal sealed class PermutedWeight(Weight plain, IReadOnlyList<int> order) : Weight(order.Count, plain.Columns)
{
    public override PrequantizedRows? Prequantized => plain.Prequantized is { } stored
        ? stored.With((first, count, codes, scales, zeroPoints) =>
        {
            var groups = stored.GroupCount;
            for (var row = 0; row < count; row++)
            {
                var rowCodes = codes.Slice(row * Columns, Columns);
                var rowZeroPoints = zeroPoints.Slice(row * groups, groups);
                var rowScales = scales.Slice(row * groups, groups);
                if (order[first + row] < 0)
                {
                    rowCodes.Clear();
                    rowZeroPoints.Clear();
                    rowScales.Fill(1);
                    continue;
                }

                stored.Read(order[first + row], 1, rowCodes, rowScales, rowZeroPoints);
            }
        })
        : null;

    public override void ReadRows(int first, int count, Span<float> destination)
    {
        for (var row = 0; row < count; row++)
        {
            var values = destination.Slice(row * Columns, Columns);
            if (order[first + row] < 0)
            {
                values.Clear();
                continue;
            }

            plain.ReadRows(order[first + row], 1, values);
        }
    }

    public override RowSource? SourceOf(int row) => order[row] < 0 ? null : plain.SourceOf(order[row]);
}

/// <summary>
/// A matrix whose rows are the columns of another, as layers were stored that multiply from the left.
/// </summary>
/// <remarks>The other one is read as a whole, once, when the first row is asked for.</remarks>
internal sealed class TransposedWeight(Weight plain) : Weight(plain.Columns, plain.Rows)
{
    private float[]? _values;

    public override RowSource? SourceOf(int row) =>
        plain.SourceOf(0) is { } source ? source with { Output = row } : null;

    public override void ReadRows(int first, int count, Span<float> destination)
    {
        if (_values is null)
        {
            _values = new float[checked(plain.Rows * plain.Columns)];
            plain.ReadRows(0, plain.Rows, _values);
        }

        for (var row = 0; row < count; row++)
        {
            for (var column = 0; column < Columns; column++)
            {
                destination[(row * Columns) + column] = _values[(column * Rows) + first + row];
            }
        }
    }
}
