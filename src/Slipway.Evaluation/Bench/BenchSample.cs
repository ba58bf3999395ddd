using System.Diagnostics;

namespace Slipway.Evaluation.Bench;

/// <summary>Holds one measurement: for each stream when it began and when its tokens came.</summary>
/// <remarks>Times are ticks of <see cref="Stopwatch"/>.</remarks>
internal sealed record BenchSample(int PromptTokens, long Started, IReadOnlyList<IReadOnlyList<long>> Tokens)
{
    private long AllDecodeFrom => Tokens.Max(stream => stream[0]);

    public double PrefillRate => PromptTokens * Tokens.Count / Seconds(Started, AllDecodeFrom);

    public double DecodeRate
    {
        get
        {
            var (from, to) = (AllDecodeFrom, Tokens.Min(stream => stream[^1]));
            return Tokens.Sum(stream => stream.Count(time => time > from && time <= to)) / Seconds(from, to);
        }
    }

    public double FirstToken => Median(Tokens.Select(stream => Seconds(Started, stream[0])));

    public double LongestFirstToken => Tokens.Max(stream => Seconds(Started, stream[0]));

    public double LongestPause => Tokens.Max(stream => stream.Zip(stream.Skip(1), Seconds).Max());

    /// <summary>Makes medians of samples, and of their ratios to those of the same rounds.</summary>
    public static BenchRun Summarize(IReadOnlyList<BenchSample> samples, IReadOnlyList<BenchSample>? baseline)
        => new(
            samples[0].Tokens.Count,
            Median(samples.Select(sample => sample.PrefillRate)),
            Median(samples.Select(sample => sample.DecodeRate)),
            TimeSpan.FromSeconds(Median(samples.Select(sample => sample.FirstToken))),
            TimeSpan.FromSeconds(Median(samples.Select(sample => sample.LongestFirstToken))),
            TimeSpan.FromSeconds(Median(samples.Select(sample => sample.LongestPause))),
            baseline is null ? null : Median(samples.Zip(baseline, (x, y) => x.PrefillRate / y.PrefillRate)),
            baseline is null ? null : Median(samples.Zip(baseline, (x, y) => x.DecodeRate / y.DecodeRate)));

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static double Seconds(long from, long to) => Stopwatch.GetElapsedTime(from, to).TotalSeconds;
}
