using System.Buffers;
using System.Numerics.Tensors;
using Slipway.Checkpoints;

namespace Slipway.Export.Weights;

/// <summary>A matrix of weights [rows, columns] that is read when it is written, some rows at a time.</summary>
internal abstract class Weight(int rows, int columns)
{
    public int Rows { get; } = rows;

    public int Columns { get; } = columns;

    /// <summary>What the checkpoint holds it as; null where that is numbers.</summary>
    public virtual StoredCodes? Codes => null;

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
internal sealed class StoredWeight(Checkpoint checkpoint, string name, int rows, int columns) : Weight(rows, columns)
{
    public override StoredCodes? Codes => checkpoint.Quantized.TryGetValue(name, out var stored)
        ? new StoredCodes(
            stored.Bits, stored.Columns, stored.GroupSize, stored.Groups,
            (first, count, codes, scales, zeroPoints) =>
                checkpoint.ReadQuantized(name, first, codes, scales, zeroPoints))
        : null;

    public override void ReadRows(int first, int count, Span<float> destination) =>
        checkpoint.ReadFloats(name, (long)first * Columns, destination[..(count * Columns)]);

    public override RowSource? SourceOf(int row) => new RowSource(name, row, 1);
}

/// <summary>Some consecutive rows of a matrix.</summary>
internal sealed class RowRange(Weight whole, int start, int rows) : Weight(rows, whole.Columns)
{
    public override StoredCodes? Codes => whole.Codes is { } all
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
    public override StoredCodes? Codes => plain.Codes is { } stored
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
    public override StoredCodes? Codes =>
        parts[0].Codes is { } first && parts.All(part => part.Codes?.Fits(first) == true)
        ? first.With(ReadCodes)
        : null;

    private void ReadCodes(int first, int count, Span<byte> codes, Span<float> scales, Span<byte> zeroPoints)
    {
        foreach (var part in parts)
        {
            var taken = Math.Clamp(part.Rows - first, 0, count);
            if (taken > 0)
            {
                var stored = part.Codes!;
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
    public override RowSource? SourceOf(int row) => (row % 2 == 0 ? even : odd).SourceOf(row / 2);

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
