// Dependency injection in a generic host: dotnet run -c Release --project samples/GenericHost
// The client's options stand in appsettings.json; a wrong or misspelt one stops the host at its start.
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings
{
    Args = args,
    ContentRootPath = AppContext.BaseDirectory,
});
builder.Services
    .AddOnnxChatClient(builder.Configuration.GetSection("Chat"))
    .UseFunctionInvocation()
    .UseLogging();
builder.Services.AddHostedService<MorningRound>();
await builder.Build().RunAsync();

/// <summary>Asks the model a few things as a background service would, then ends the host.</summary>
internal sealed partial class MorningRound(
    IChatClient client, IHostApplicationLifetime lifetime, ILogger<MorningRound> logger)
    : BackgroundService
{
    private readonly Dictionary<string, double> _temperatures = new(StringComparer.OrdinalIgnoreCase)
    {
        ["kitchen"] = 20.5,
        ["bathroom"] = 18,
    };

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var options = new ChatOptions
        {
            Tools = [AIFunctionFactory.Create(ReadTemperature, "get_temperature", "Reads the temperature of a room.")],
        };
        foreach (var room in _temperatures.Keys)
        {
            var response = await client.GetResponseAsync(
                $"What's the temperature in the {room}?",
                options,
                stoppingToken);
            LogAnswer(room, response.Text, response.Usage?.TotalTokenCount);
        }

        lifetime.StopApplication();
    }

    private string ReadTemperature(string room)
        => _temperatures.TryGetValue(room, out var value)
            ? FormattableString.Invariant($"{value} degrees")
            : $"there is no sensor in '{room}'";

    [LoggerMessage(LogLevel.Information, "{Room}: {Answer} ({Tokens} tokens)")]
    private partial void LogAnswer(string room, string answer, long? tokens);
}
