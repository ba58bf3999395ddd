using Slipway.Load;

namespace Slipway.AspNetCore.Tests.Load;

/// <summary>Puts load on a server in a process of its own; the long form is a command of Slipway.Load.</summary>
public sealed class LoadTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Server_UnderMixedLoad_AnswersOrRefusesEveryRequest()
    {
        Assert.SkipUnless(
            Directory.Exists(TestServer.Assistant),
            $"'{TestServer.Assistant}' is not there; train and export the device assistant.");

        // A queue for fewer than there are connections, so that it is full.
        var report = await LoadRun.RunAsync(
            new LoadOptions
            {
                Package = TestServer.Assistant,
                Connections = 48,
                SlowConnections = 2,
                StalledConnections = 2,
                SendTimeout = TimeSpan.FromSeconds(3),
                Time = TimeSpan.FromSeconds(5),
                QueueCapacity = 4,
                BatchSize = 4,
                MaxWords = 60,
                ThroughputRounds = 0,
            },
            TestContext.Current.CancellationToken);

        output.WriteLine(report.ToString());
        Assert.Empty(report.Violations);
        Assert.All(
            ["streams", "left", "malformed, status 400", "status 429"],
            what => Assert.True(report.Counts.GetValueOrDefault(what) > 0, $"'{what}' does not occur."));
    }
}
