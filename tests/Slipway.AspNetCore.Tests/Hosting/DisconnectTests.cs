using System.Text;
using Slipway.Testing;

namespace Slipway.AspNetCore.Tests.Hosting;

/// <summary>
/// Tells by the engine's own measurements what becomes of requests whose clients leave.
/// </summary>
public sealed class DisconnectTests(ITestOutputHelper output) : IDisposable
{
    private const int Requests = 12;
    private readonly TemporaryFolder _folder = new();
    private readonly string _name = $"package-{Guid.NewGuid():N}";

    // The answer of several hundred tokens takes long, and the prompts of a thousand tokens do.
    private static readonly string Prompt = string.Join(
        ',', Enumerable.Range(0, 1000).Select(index => 3 + (index % 700)));

    private string Package => _folder[_name];

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Bodies =>
    [
        """{"model": "m", "prompt": "Turn", "max_tokens": 900, "ignore_eos": true}""",
        """{"model": "m", "prompt": "Turn", "max_tokens": 900, "ignore_eos": true, "stream": true}""",
        $$"""{"model": "m", "prompt": [{{Prompt}}], "max_tokens": 20, "ignore_eos": true}""",
    ];

    [Theory]
    [MemberData(nameof(Bodies))]
    public async Task Client_Leaves_FreesItsRow(string body)
    {
        var elapsed = await LeaveAsync(body);
        output.WriteLine($"{elapsed.TotalMilliseconds:0} ms from the disconnect to the last free row");
    }

    /// <summary>Needs a machine that does nothing else.</summary>
    [Theory(Explicit = true)]
    [MemberData(nameof(Bodies))]
    public async Task Client_Leaves_FreesItsRowWithinATenthOfASecond(string body)
        => Assert.InRange((await LeaveAsync(body)).TotalMilliseconds, 0, 100);

    private async Task<TimeSpan> LeaveAsync(string body)
    {
        await using var server = await StartAsync();
        using var gauges = new EngineGauges(_name);
        using var leaving = new CancellationTokenSource();
        var requests = Enumerable.Range(0, Requests).Select(async _ =>
        {
            using var content = new StringContent(body, Encoding.UTF8, "application/json");
            using var response = await server.Http.PostAsync("/v1/completions", content, leaving.Token);
        }).ToArray();
        await gauges.WaitAsync((running, queued) => running + queued >= Requests / 2);
        await leaving.CancelAsync();
        var elapsed = await gauges.WaitAsync((running, queued) => running + queued == 0);
        foreach (var request in requests)
        {
            await ((Task)request).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        // Rows that ran to the end would be no sign of anything.
        await server.StopAsync();
        var cancelled = gauges["slipway.requests:cancelled"];
        output.WriteLine($"{cancelled} of {Requests} cancelled");
        Assert.InRange(cancelled, Requests / 2, Requests);
        return elapsed;
    }

    private Task<TestServer> StartAsync()
    {
        // A folder of its own name, by which its measurements are told from those of other tests.
        Directory.CreateDirectory(Package);
        foreach (var file in Directory.EnumerateFiles(TestServer.Assistant))
        {
            File.Copy(file, Path.Combine(Package, Path.GetFileName(file)));
        }

        return TestServer.StartAsync(models => models.AddModel(Package, "m"));
    }
}
