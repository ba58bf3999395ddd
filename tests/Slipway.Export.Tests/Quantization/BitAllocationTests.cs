using Slipway.Export.Quantization;
using Slipway.Export.Quantization.Graphs;

namespace Slipway.Export.Tests.Quantization;

public sealed class BitAllocationTests
{
    private const int Weights = 1000;

    private static readonly MatrixFormat[] _formats =
        [new(Precision.Int4, "fitted", 32), new(Precision.Int4, "minima", 32), new(Precision.Int8, "search", 32)];

    /// <summary>Of two matrices the one gets the bits by which the model loses more.</summary>
    [Fact]
    public void Choose_BitsForOne_GoToTheMoreSensitive()
    {
        StorageChoice[][] matrices = [Ways(0.1, 0.05, 0.001), Ways(2, 1, 0.02)];
        var chosen = BitAllocation.Choose(matrices, 2 * Weights, 13.4 * Weights, worth: 0.01);
        Assert.Equal(["int4:fitted/32", "int8:search/32"], chosen.Select(way => way.Format.ToString()));
    }

    /// <summary>A matrix that is exact by its minima gets no more than them, however many bits there are.</summary>
    [Fact]
    public void Choose_BitsThatSaveNothing_AreNotSpent()
    {
        StorageChoice[][] matrices = [Ways(0.1, 1e-9, 1e-9), Ways(1e-9, 1e-9, 1e-9), Ways(0.1, 0.08, 0.001)];
        var chosen = BitAllocation.Choose(matrices, 3 * Weights, double.MaxValue, worth: 0.01);
        Assert.Equal(
            ["int4:minima/32", "int4:fitted/32", "int8:search/32"], chosen.Select(way => way.Format.ToString()));
    }

    /// <summary>No step is left that fits and is worth its bits, and none was taken that does not fit.</summary>
    [Fact]
    public void Choose_AnyMatrices_LeavesNoStepThatPays()
    {
#pragma warning disable CA5394 // Makes examples, no secret.
        var random = new Random(1);
        for (var round = 0; round < 200; round++)
        {
            StorageChoice[][] matrices =
            [
                .. Enumerable.Range(0, 1 + random.Next(20)).Select(_ => Ways(
                    random.NextDouble() * random.NextDouble(), random.NextDouble() * random.NextDouble(),
                    0.01 * random.NextDouble())),
            ];
            var weights = (double)matrices.Length * Weights;
            var worth = round % 2 == 0 ? BitAllocation.Worth : 0.01;
            var most = weights * (4.625 + (4 * random.NextDouble()));

            var chosen = BitAllocation.Choose(matrices, weights, most, worth);

            var (bits, loss) = (chosen.Sum(way => way.Bits), chosen.Sum(way => way.Loss));
            Assert.InRange(bits, 0, most);
            Assert.InRange(loss, 0, matrices.Sum(ways => ways[0].Loss));
            foreach (var (ways, taken) in matrices.Zip(chosen))
            {
                Assert.DoesNotContain(ways, way =>
                    way.Bits > taken.Bits && bits + way.Bits - taken.Bits <= most
                    && (taken.Loss - way.Loss) / (way.Bits - taken.Bits) > (worth + 1e-6) * loss / weights);
            }
        }
#pragma warning restore CA5394
    }

    private static StorageChoice[] Ways(params double[] losses)
        => [.. losses.Zip(_formats, (loss, format) => new StorageChoice(
            format, Weights * BitsOf(format), loss))];

    private static double BitsOf(MatrixFormat format)
        => format.Precision == Precision.Int8 ? 8.75 : format.Method == "minima" ? 5 : 4.625;
}
