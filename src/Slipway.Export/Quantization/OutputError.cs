using System.Numerics.Tensors;

namespace Slipway.Export.Quantization;

/// <summary>The squared error of an output, dᵀ·mean(x·xᵀ)·d for the difference d of its weights.</summary>
internal static class OutputError
{
    /// <summary>Computes it; inputs whose products are not known count by their squares, or all alike.</summary>
    public static double Of(ReadOnlySpan<float> difference, InputStatistics? statistics)
    {
        var error = 0.0;
        if (statistics?.Products is { } products)
        {
            for (var column = 0; column < difference.Length; column++)
            {
                error += difference[column] * (double)TensorPrimitives.Dot(
                    products.AsSpan(column * difference.Length, difference.Length), difference);
            }
        }
        else if (statistics is not null)
        {
            for (var column = 0; column < difference.Length; column++)
            {
                error += (double)difference[column] * difference[column] * statistics.Moments[column];
            }
        }
        else
        {
            error = TensorPrimitives.SumOfSquares(difference);
        }

        return error;
    }
}
