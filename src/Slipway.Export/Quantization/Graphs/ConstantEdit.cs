using System.Numerics.Tensors;
using Slipway.Export.Quantization.Rotation;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>A change of a constant's elements as they are read.</summary>
/// <remarks>The last dimension is columns; all others together are rows.</remarks>
internal abstract record ConstantEdit
{
    /// <summary>Elements that must be read together for one of them.</summary>
    public abstract EditExtent Extent { get; }

    /// <summary>Changes consecutive elements, which are of the extent or whole parts of it.</summary>
    /// <param name="columns">Columns of the constant.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="first">The first element's index.</param>
    /// <param name="values">The elements.</param>
    public abstract void Apply(int columns, int rows, long first, Span<float> values);
}

/// <summary>Elements that an edit must see together.</summary>
internal enum EditExtent
{
    /// <summary>Each by itself.</summary>
    Element,

    /// <summary>Whole rows.</summary>
    Row,

    /// <summary>The whole constant.</summary>
    All,
}

/// <summary>Multiplies rows or columns.</summary>
/// <param name="Multipliers">
/// One for each row of all matrices of the constant, or for each column of one or of several.
/// </param>
/// <param name="AreRows">Whether they are of rows.</param>
internal sealed record ConstantFactors(float[] Multipliers, bool AreRows) : ConstantEdit
{
    public override EditExtent Extent => EditExtent.Element;

    public override void Apply(int columns, int rows, long first, Span<float> values)
    {
        var matrixRows = AreRows ? 1 : (long)rows * columns / Multipliers.Length;
        while (values.Length > 0)
        {
            var (row, column) = Math.DivRem(first, columns);
            var count = (int)Math.Min(values.Length, columns - column);
            var part = values[..count];
            if (AreRows)
            {
                TensorPrimitives.Multiply(part, Multipliers[row], part);
            }
            else
            {
                TensorPrimitives.Multiply(
                    part, Multipliers.AsSpan((int)((row / matrixRows * columns) + column), count), part);
            }

            values = values[count..];
            first += count;
        }
    }
}

/// <summary>Other elements.</summary>
internal sealed record ConstantValues(float[] Values) : ConstantEdit
{
    public override EditExtent Extent => EditExtent.Element;

    public override void Apply(int columns, int rows, long first, Span<float> values) =>
        Values.AsSpan((int)first, values.Length).CopyTo(values);
}

/// <summary>Multiplies parts of each row, as vectors, by an orthogonal matrix; or of each column.</summary>
/// <param name="Matrix">The matrix.</param>
/// <param name="IsRows">Whether parts are of columns, so that rows are mixed.</param>
/// <param name="First">The first element of a row, or column, that is mixed.</param>
/// <param name="Count">Elements that are, parts of the matrix's size.</param>
internal sealed record ConstantRotation(OrthogonalMatrix Matrix, bool IsRows, int First, int Count) : ConstantEdit
{
    public override EditExtent Extent => IsRows ? EditExtent.All : EditExtent.Row;

    public override void Apply(int columns, int rows, long first, Span<float> values)
    {
        if (!IsRows)
        {
            for (var start = 0; start < values.Length; start += columns)
            {
                for (var part = First; part < First + Count; part += Matrix.Size)
                {
                    Matrix.Apply(values.Slice(start + part, Matrix.Size));
                }
            }

            return;
        }

        var mixed = new float[Matrix.Size];
        for (var column = 0; column < columns; column++)
        {
            for (var part = First; part < First + Count; part += Matrix.Size)
            {
                for (var index = 0; index < mixed.Length; index++)
                {
                    mixed[index] = values[((part + index) * columns) + column];
                }

                Matrix.Apply(mixed);
                for (var index = 0; index < mixed.Length; index++)
                {
                    values[((part + index) * columns) + column] = mixed[index];
                }
            }
        }
    }
}
