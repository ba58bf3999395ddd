using System.Collections.Concurrent;
using System.Globalization;

namespace Slipway.Load;

/// <summary>Counts what a server answered, and keeps what it should not have.</summary>
public sealed class LoadReport
{
    private const int MaxViolations = 20;
    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _violations = [];
    private int _violationCount;

    /// <summary>The counts by what was counted.</summary>
    public IReadOnlyDictionary<string, int> Counts => _counts;

    /// <summary>The first things that a server must not do, and did.</summary>
    public IReadOnlyCollection<string> Violations => _violations;

    /// <summary>The server's resident bytes, one number a second.</summary>
    public ConcurrentQueue<long> Memory { get; } = [];

    /// <summary>The most requests that waited at the server.</summary>
    public int MaxQueued { get; set; }

    /// <summary>The server's throughput over the engine's, the median of all rounds; null where none ran.</summary>
    public double? ThroughputRatio { get; set; }

    /// <summary>Tokens a second of rounds: the engine's and the server's.</summary>
    public List<(double Engine, double Server)> Throughput { get; } = [];

    /// <summary>Resident bytes in the first quarter after a quarter's warm-up, and in the last one: medians.</summary>
    public (long First, long Last) Resident
    {
        get
        {
            var memory = Memory.ToArray();
            var quarter = Math.Max(1, memory.Length / 4);
            return (Median(memory.Skip(quarter).Take(quarter)), Median(memory.TakeLast(quarter)));
        }
    }

    /// <summary>Counts one.</summary>
    public void Count(string what) => _counts.AddOrUpdate(what, 1, (_, count) => count + 1);

    /// <summary>Keeps a violation.</summary>
    public void Violate(string what)
    {
        if (Interlocked.Increment(ref _violationCount) <= MaxViolations)
        {
            _violations.Enqueue(what);
        }
    }

    /// <summary>Gives the report as text.</summary>
    public override string ToString()
    {
        var lines = _counts.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"{pair.Key}: {pair.Value}")
            .Append($"most that waited: {MaxQueued}")
            .Append(string.Create(
                CultureInfo.InvariantCulture,
                $"resident: {Resident.First / 1e6:F0} MB after warm-up, {Resident.Last / 1e6:F0} MB at the end"))
            .Concat(Throughput.Select(round => string.Create(
                CultureInfo.InvariantCulture, $"tokens a second: engine {round.Engine:F0}, server {round.Server:F0}")))
            .Append(string.Create(CultureInfo.InvariantCulture, $"throughput: {ThroughputRatio:F3} of the engine's"))
            .Append($"violations: {_violationCount}").Concat(_violations);
        return string.Join('\n', lines);
    }

    private static long Median(IEnumerable<long> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? 0 : sorted[sorted.Length / 2];
    }
}
