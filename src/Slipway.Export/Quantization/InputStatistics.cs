using System.Numerics.Tensors;

namespace Slipway.Export.Quantization;

/// <summary>Statistics of a matrix's inputs that a quantization method needs, the least first.</summary>
public enum StatisticsNeed
{
    /// <summary>Nothing: the weights alone decide.</summary>
    None,

    /// <summary>The mean square of each input.</summary>
    SecondMoments,

    /// <summary>The mean product of each two inputs.</summary>
    Products,
}

/// <summary>Statistics of the inputs x of a matrix over a calibration text.</summary>
/// <remarks>Matrices with the same input share an instance. Immutable once taken.</remarks>
public sealed class InputStatistics
{
    private readonly WeakReference<ErrorCompensation?> _compensation = new(null);

    /// <summary>Creates statistics of mean squares alone.</summary>
    /// <param name="moments">The mean of x², [columns].</param>
    public InputStatistics(float[] moments)
    {
        ArgumentNullException.ThrowIfNull(moments);
        Moments = moments;
    }

    /// <summary>Creates statistics of all products.</summary>
    /// <param name="columns">The number of inputs.</param>
    /// <param name="products">The mean of x·xᵀ, [columns, columns].</param>
    public InputStatistics(int columns, float[] products)
    {
        ArgumentNullException.ThrowIfNull(products);
        if (products.Length != (long)columns * columns)
        {
            throw new ArgumentException(
                $"The products of {columns} inputs are {(long)columns * columns} numbers, not {products.Length}.",
                nameof(products));
        }

        Products = products;
        Moments = new float[columns];
        for (var column = 0; column < columns; column++)
        {
            Moments[column] = products[(column * columns) + column];
        }
    }

    /// <summary>The mean of x² of each input, [columns].</summary>
    public float[] Moments { get; }

    /// <summary>The mean of x·xᵀ, [columns, columns]; null where it was not taken.</summary>
    public float[]? Products { get; }

    /// <summary>Moves errors between weights that multiply these inputs; null where products are not known, or cannot
    /// be factored.</summary>
    /// <remarks>Half as large as the products, so only the garbage collector decides how long it is kept.</remarks>
    internal ErrorCompensation? Compensation
    {
        get
        {
            if (Products is null)
            {
                return null;
            }

            if (!_compensation.TryGetTarget(out var compensation)
                && ErrorCompensation.Create(Moments, Products) is { } created)
            {
                compensation = created;
                _compensation.SetTarget(created);
            }

            return compensation;
        }
    }

    /// <summary>The same of inputs that are divided by a factor each.</summary>
    internal InputStatistics DividedBy(ReadOnlySpan<float> factors)
    {
        var inverses = new float[factors.Length];
        for (var column = 0; column < inverses.Length; column++)
        {
            inverses[column] = 1 / factors[column];
        }

        if (Products is null)
        {
            TensorPrimitives.Multiply(inverses, inverses, inverses);
            TensorPrimitives.Multiply(Moments, inverses, inverses);
            return new InputStatistics(inverses);
        }

        var products = (float[])Products.Clone();
        for (var row = 0; row < inverses.Length; row++)
        {
            var values = products.AsSpan(row * inverses.Length, inverses.Length);
            TensorPrimitives.Multiply(values, inverses, values);
            TensorPrimitives.Multiply(values, inverses[row], values);
        }

        return new InputStatistics(inverses.Length, products);
    }

    /// <summary>The mean square of all inputs together.</summary>
    public float Mean => Moments.Average();
}
