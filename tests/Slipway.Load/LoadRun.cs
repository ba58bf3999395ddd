using System.Diagnostics;
using System.Globalization;

namespace Slipway.Load;

/// <summary>Starts a server, puts load on it and says what became of it.</summary>
public static class LoadRun
{
    // A shorter run is over before the server has what it needs.
    private static readonly TimeSpan MemoryTime = TimeSpan.FromSeconds(60);

    // Memory may be more at the end than after the warm-up by 5 % and 32 MB.
    private const double MemoryShare = 1.05;
    private const long MemoryBytes = 32L << 20;

    /// <summary>Runs the load, then the rounds of throughput.</summary>
    /// <param name="options">The load.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    public static async Task<LoadReport> RunAsync(LoadOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var report = new LoadReport();
        using var server = await ServerProcess.StartAsync(options);
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = options.Connections + 8 })
        {
            BaseAddress = server.Address, Timeout = TimeSpan.FromMinutes(10),
        };
        using (var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken))
        {
            stop.CancelAfter(options.Time);
            var watch = WatchAsync(server, http, report, stop.Token);
            await Task.WhenAll(
            [
                .. Enumerable.Range(0, options.Connections).Select(index => new Connection(
                    http, new RequestMix(index, options.MaxWords), report).RunAsync(stop.Token)),
                .. Enumerable.Range(0, options.SlowConnections).Select(_ => new SlowReader(
                    server.Address, report).ReadAsync(stop.Token)),
                .. Enumerable.Range(0, options.StalledConnections).Select(_ => new SlowReader(
                    server.Address, report).StallAsync(stop.Token)),
            ]);
            await watch;
        }

        Judge(options, server, report);
        for (var round = 0; round < options.ThroughputRounds && !server.HasEnded; round++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            report.Throughput.Add((
                await EngineAsync(http, options, round), await ServerAsync(http, options, round, report)));
        }

        if (report.Throughput.Count > 0)
        {
            var ratios = report.Throughput.Select(round => round.Server / round.Engine).Order().ToArray();
            report.ThroughputRatio = ratios[ratios.Length / 2];
        }

        return report;
    }

    private static void Judge(LoadOptions options, ServerProcess server, LoadReport report)
    {
        if (server.HasEnded)
        {
            report.Violate("The server has ended.");
        }

        if (report.MaxQueued > options.QueueCapacity)
        {
            report.Violate($"{report.MaxQueued} requests waited; the queue is for {options.QueueCapacity}.");
        }

        var (first, last) = report.Resident;
        if (options.Time >= MemoryTime && last > (first * MemoryShare) + MemoryBytes)
        {
            report.Violate($"The server had {first} bytes after its warm-up and {last} at the end.");
        }
    }

    private static async Task WatchAsync(
        ServerProcess server, HttpClient http, LoadReport report, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                report.Memory.Enqueue(server.Resident);
                var queued = await http.GetStringAsync(new Uri("load/queued", UriKind.Relative), stop);
                report.MaxQueued = Math.Max(report.MaxQueued, int.Parse(queued, CultureInfo.InvariantCulture));
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The load ends.
        }
    }

    private static async Task<double> EngineAsync(HttpClient http, LoadOptions options, int seed)
    {
        var answer = (await http.GetStringAsync(new Uri(
            $"load/engine?seed={seed}&words={options.MaxWords}&requests={options.ThroughputRequests}",
            UriKind.Relative))).Split(' ');
        return double.Parse(answer[0], CultureInfo.InvariantCulture)
            / double.Parse(answer[1], CultureInfo.InvariantCulture);
    }

    private static async Task<double> ServerAsync(HttpClient http, LoadOptions options, int seed, LoadReport report)
    {
        var mix = new RequestMix(seed, options.MaxWords);
        var requests = Enumerable.Range(0, options.ThroughputRequests).Select(_ => mix.Next()).ToList();
        var connection = new Connection(http, mix, report);
        var tokens = 0L;
        var clock = Stopwatch.StartNew();
        await Parallel.ForEachAsync(
            requests, new ParallelOptions { MaxDegreeOfParallelism = options.BatchSize }, async (request, _) =>
                Interlocked.Add(ref tokens, await connection.StreamAsync(isSlow: false, request) ?? 0));
        return tokens / clock.Elapsed.TotalSeconds;
    }
}
