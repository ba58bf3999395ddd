// Puts load on a server: dotnet run -c Release --project tests/Slipway.Load -- PACKAGE [--connections N] [--seconds N]
using System.CommandLine;
using System.Globalization;
using Slipway.Load;

if (args is ["server", var served, var queue, var batch, var patience])
{
    await LoadServer.RunAsync(
        served, int.Parse(queue, CultureInfo.InvariantCulture), int.Parse(batch, CultureInfo.InvariantCulture),
        TimeSpan.FromSeconds(double.Parse(patience, CultureInfo.InvariantCulture)));
    return 0;
}

var package = new Argument<string>("PACKAGE") { Description = "A package that chats." };
var connections = new Option<int>("--connections")
{
    Description = "Connections that send requests.", DefaultValueFactory = _ => 500,
};
var seconds = new Option<int>("--seconds") { Description = "How long they send.", DefaultValueFactory = _ => 120 };
var rounds = new Option<int>("--rounds")
{
    Description = "Rounds that compare the server with its engine.", DefaultValueFactory = _ => 3,
};
var command = new RootCommand("Puts load on a server of its own, on the loopback address, and says what became of it.")
{
    package, connections, seconds, rounds,
};
command.SetAction(async (result, cancellationToken) =>
{
    var report = await LoadRun.RunAsync(
        new LoadOptions
        {
            Package = result.GetRequiredValue(package),
            Connections = result.GetValue(connections),
            Time = TimeSpan.FromSeconds(result.GetValue(seconds)),
            ThroughputRounds = result.GetValue(rounds),
        },
        cancellationToken);
    Console.WriteLine(report);
    return report.Violations.Count == 0 ? 0 : 1;
});
return await command.Parse(args).InvokeAsync();
