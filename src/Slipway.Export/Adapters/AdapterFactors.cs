using Slipway.Checkpoints;
using Slipway.Export.Weights;

namespace Slipway.Export.Adapters;

/// <summary>Brings an adapter's factors into the form of the graph's inputs.</summary>
internal static class AdapterFactors
{
    /// <summary>Both factors of what an adapter adds to a matrix, and what it scales the matrix' rows by.</summary>
    /// <remarks>
    /// Each of the matrix' layers has as many columns of A and rows of B as the rank; what it does not use is zero.
    /// Rows of the matrix that come from elsewhere get nothing.
    /// </remarks>
    /// <param name="matrix">The matrix.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="rank">The largest rank of the adapter's products.</param>
    public static IEnumerable<SafetensorsEntry> Of(AdaptedMatrix matrix, SwitchedAdapter adapter, int rank)
    {
        var (inputs, outputs, width) = (matrix.Weight.Columns, matrix.Weight.Rows, matrix.Sources.Count * rank);
        var down = new float[checked(inputs * width)];
        float[] up = new float[checked(width * outputs)], scale = matrix.Scales ? new float[up.Length] : [];
        for (var index = 0; index < matrix.Sources.Count; index++)
        {
            var source = matrix.Sources[index];
            if (adapter.Targets.TryGetValue(source, out var target))
            {
                CopyDown(adapter.Adapter, target, down, width, index * rank);
                CopyUp(adapter.Adapter, target, source, matrix.Weight, up.AsSpan(index * rank * outputs));
                if (target.HasMagnitude)
                {
                    CopyScale(
                        adapter.Adapter, target, source, matrix.Weight, down, width, index * rank,
                        up.AsSpan(index * rank * outputs),
                        scale.AsSpan(index * rank * outputs, outputs));
                }
            }
        }

        yield return SafetensorsEntry.From($"{matrix.Layer}.lora_A", down, inputs, width);
        yield return SafetensorsEntry.From($"{matrix.Layer}.lora_B", up, width, outputs);
        if (matrix.Scales)
        {
            yield return SafetensorsEntry.From($"{matrix.Layer}.lora_scale", scale, width, outputs);
        }
    }

    // What each row's product is multiplied by, less one: its magnitude over its length. It stands at the first rank.
    private static void CopyScale(
        LoraAdapter adapter, LoraTarget target, string tensor, Weight weight, float[] down, int width, int first,
        ReadOnlySpan<float> up, Span<float> scale)
    {
        float[] magnitudes = new float[target.Outputs], sum = new float[weight.Columns];
        adapter.ReadMagnitude(target.Name, magnitudes);
        for (var row = 0; row < weight.Rows; row++)
        {
            if (weight.SourceOf(row) is not { } source || source.Tensor != tensor)
            {
                continue;
            }

            weight.ReadRows(row, 1, sum);
            double squares = 0;
            for (var input = 0; input < sum.Length; input++)
            {
                double value = sum[input];
                for (var rank = 0; rank < target.Rank; rank++)
                {
                    value += up[(rank * weight.Rows) + row] * (double)down[(input * width) + first + rank];
                }

                squares += value * value;
            }

            var length = Math.Sqrt(squares) / Math.Abs(source.Scale);
            scale[row] = length > 0 && float.IsFinite(magnitudes[source.Output])
                ? (float)((magnitudes[source.Output] / length) - 1)
                : throw new CheckpointException(
                    $"The adapter '{adapter.Path}' scales row {source.Output} of '{target.Name}', of length {length}, "
                    + $"to {magnitudes[source.Output]}. Use the model that the adapter was trained on; where this is "
                    + "it, its training diverged.",
                    adapter.Path, target.Name);
        }
    }

    // [rank, inputs] → columns of [inputs, width].
    private static void CopyDown(LoraAdapter adapter, LoraTarget target, float[] down, int width, int first)
    {
        var factor = Read(adapter, target, target.Inputs, adapter.ReadDown);
        for (var rank = 0; rank < target.Rank; rank++)
        {
            for (var input = 0; input < target.Inputs; input++)
            {
                down[(input * width) + first + rank] = factor[(rank * target.Inputs) + input];
            }
        }
    }

    // [outputs, rank] → [rank, rows of the matrix], with all scales.
    private static void CopyUp(LoraAdapter adapter, LoraTarget target, string tensor, Weight weight, Span<float> up)
    {
        var factor = Read(adapter, target, target.Outputs, adapter.ReadUp);
        for (var row = 0; row < weight.Rows; row++)
        {
            if (weight.SourceOf(row) is { } source && source.Tensor == tensor)
            {
                var scale = (float)(target.Scale * source.Scale);
                for (var rank = 0; rank < target.Rank; rank++)
                {
                    up[(rank * weight.Rows) + row] = factor[(source.Output * target.Rank) + rank] * scale;
                }
            }
        }
    }

    private delegate void ReadFactor(string name, Span<float> destination);

    private static float[] Read(LoraAdapter adapter, LoraTarget target, int size, ReadFactor read)
    {
        var factor = new float[checked(size * target.Rank)];
        read(target.Name, factor);
        return Array.TrueForAll(factor, float.IsFinite) ? factor : throw new CheckpointException(
            $"The adapter '{adapter.Path}' holds a value for '{target.Name}' that is not finite: its training "
            + "diverged. Take an earlier state of it.",
            adapter.Path, target.Name);
    }
}
