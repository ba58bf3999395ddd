namespace Slipway.Export.Quantization.Graphs;

/// <summary>A plan, with the bits that its matrices take and what the model loses by it.</summary>
/// <param name="Plan">How the matrices are stored.</param>
/// <param name="BitsPerWeight">Bits that they take, scales and offsets included; null where nothing was free.</param>
/// <param name="Loss">The loss that is expected, nats a token.</param>
internal sealed record SpentPlan(IReadOnlyList<PlannedMatrix> Plan, double? BitsPerWeight, double? Loss);

/// <summary>
/// Chooses how matrices are stored whose way nobody has named, by what the model loses on its own text.
/// </summary>
/// <remarks>
/// A matrix rounded to nearest, alone, moves the logits; the divergence over the square error of its outputs is its
/// sensitivity. Ways to store it leave other errors, which some of its rows show: times its sensitivity they are what
/// each way loses. <see cref="BitAllocation"/> spends the bits.
/// </remarks>
internal static class SensitivityPlan
{
    // Above the bits of a code: zero points and scales take 0.63 of it in blocks of 32, minima in all matrices 1.
    private const double DefaultExtra = 1.2;

    // Bits that were asked for are spent as long as they save anything to speak of.
    private const double LeastWorth = 0.01 * BitAllocation.Worth;

    private const int WideBits = 8;
    private const int NumberBits = 16;

    /// <summary>Returns the matrices whose way nobody has named.</summary>
    public static PlannedMatrix[] FreeOf(IReadOnlyList<PlannedMatrix> plan) => [.. plan.Where(IsFree)];

    /// <summary>Makes the plan.</summary>
    /// <param name="plan">How matrices would be stored without it.</param>
    /// <param name="bitsPerWeight">The most bits a weight, over all free matrices; null for the default.</param>
    /// <param name="statistics">Statistics of matrices' inputs.</param>
    /// <param name="tensors">Elements.</param>
    /// <param name="losses">What the model loses by each of the free matrices rounded to nearest.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="ArgumentException">The bits are fewer than the matrices take at least.</exception>
    public static SpentPlan Make(
        IReadOnlyList<PlannedMatrix> plan, double? bitsPerWeight, Func<GraphMatrix, InputStatistics?> statistics,
        GraphTensors tensors, IReadOnlyList<double> losses, CancellationToken cancellationToken)
    {
        var free = FreeOf(plan);
        if (free.Length == 0)
        {
            if (bitsPerWeight is not null)
            {
                throw new ArgumentException(
                    "BitsPerWeight has nothing to spend bits on: rules of the recipe name the method of every matrix. "
                    + "Leave BitsPerWeight out.", nameof(bitsPerWeight));
            }

            return new SpentPlan(plan, null, null);
        }

        StorageChoice[][] ways =
        [
            .. free.Select((planned, index) =>
                Ways(planned, losses[index], statistics(planned.Matrix), tensors, cancellationToken)),
        ];
        var weights = free.Sum(Weights);
        var least = ways.Sum(each => each.Min(way => way.Bits)) / weights;
        var most = bitsPerWeight ?? Math.Max(least, free.Max(planned => planned.Format.BitsOf()!.Value) + DefaultExtra);
        if (most < least)
        {
            throw new ArgumentException(
                $"Matrices take {least:0.###} bits a weight at least; BitsPerWeight is '{most:0.###}'. Set it to "
                + $"{Math.Ceiling(least * 100) / 100:0.##} or more, or take larger blocks.", nameof(bitsPerWeight));
        }

        var chosen = BitAllocation.Choose(
            ways, weights, most * weights, bitsPerWeight is null ? BitAllocation.Worth : LeastWorth);
        var formats = free.Zip(chosen).ToDictionary(pair => pair.First.Matrix, pair => pair.Second.Format);
        return new SpentPlan(
            [
                .. plan.Select(planned => formats.TryGetValue(planned.Matrix, out var format)
                    ? planned with { Format = format } : planned),
            ],
            chosen.Sum(way => way.Bits) / weights, chosen.Sum(way => way.Loss));
    }

    // Experts have zero points only, and so have rows that end within a block.
    private static bool IsFree(PlannedMatrix planned) =>
        planned.IsFree && planned.Matrix.Mixture is null && planned.Format.BitsOf() is not null
        && planned.Format.BlockSize is { } blockSize && planned.Matrix.Columns % blockSize == 0;

    private static double Weights(PlannedMatrix planned) => (double)planned.Matrix.Rows * planned.Matrix.Columns;

    private static StorageChoice[] Ways(
        PlannedMatrix planned, double loss, InputStatistics? statistics, GraphTensors tensors,
        CancellationToken cancellationToken)
    {
        var (format, bits, blockSize) = (
            planned.Format, planned.Format.BitsOf()!.Value, planned.Format.BlockSize!.Value);
        MatrixTrial trial = new(planned.Matrix, blockSize, statistics, tensors);
        var probed = trial.Error(QuantizationMethods.Probe, bits, cancellationToken);
        var sensitivity = probed > 0 ? Math.Max(loss, 0) / probed : 0;
        return
        [
            Way(format, QuantizationMethods.Calibrated, bits, bits),
            Way(format, QuantizationMethods.WithMinima, bits, NumberBits),
            .. bits < WideBits && !planned.HasOwnFormat
                ? (StorageChoice[])
                [
                    Way(format with { Precision = Precision.Int8 }, QuantizationMethods.Default, WideBits, WideBits),
                ]
                : [],
        ];

        StorageChoice Way(MatrixFormat stored, QuantizationMethod method, int codeBits, int offsetBits) => new(
            stored with { Method = method.Name },
            Weights(planned) * (codeBits + ((double)(NumberBits + offsetBits) / blockSize)),
            sensitivity * trial.Error(method, codeBits, cancellationToken));
    }
}
