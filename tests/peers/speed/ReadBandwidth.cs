using System.Diagnostics;
using System.Numerics.Tensors;

/// <summary>Measures how fast threads of this process read memory.</summary>
internal static class ReadBandwidth
{
    private const int FloatsPerThread = 1 << 27;

    /// <summary>Sums a gigabyte or more, each thread its own part; the best of five is given.</summary>
    /// <returns>Bytes a second.</returns>
    public static double Measure(int threads)
    {
        var parts = Enumerable.Range(0, threads).Select(_ => new float[FloatsPerThread]).ToArray();
        Array.ForEach(parts, part => part.AsSpan().Fill(1));
        var best = TimeSpan.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var started = Stopwatch.GetTimestamp();
            Parallel.ForEach(parts, new ParallelOptions { MaxDegreeOfParallelism = threads }, part =>
            {
                if (TensorPrimitives.Sum<float>(part) <= 0)
                {
                    throw new InvalidOperationException("The sum of ones is not positive.");
                }
            });
            var elapsed = Stopwatch.GetElapsedTime(started);
            best = elapsed < best ? elapsed : best;
        }

        return (double)threads * FloatsPerThread * sizeof(float) / best.TotalSeconds;
    }
}
