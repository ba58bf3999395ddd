using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Slipway.Telemetry;

namespace Slipway.Load;

/// <summary>Serves a package in a process of its own, and runs the same requests on the engine without HTTP.</summary>
internal static class LoadServer
{
    /// <summary>Serves until standard input ends; the first line that it writes is its address.</summary>
    public static async Task RunAsync(string package, int queueCapacity, int batchSize, TimeSpan sendTimeout)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddSimpleConsole().AddConsole(
            console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);

        // Without kept prefixes the engine does the same work for the same requests each time.
        using var client = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = package,
            Model = new()
            {
                QueueCapacity = queueCapacity, MaxBatchSize = batchSize, PrefixCacheBytes = 0,
                KeyValueCacheBytes = 256L << 20, AllowSpinning = false,
            },
        });
        builder.Services.AddOpenAIServer(server => server.SendTimeout = sendTimeout)
            .AddChatClient("model", _ => client);
        await using var app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.MapOpenAI();
        using var meter = new MeterListener();
        var queued = 0;
        meter.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == SlipwayTelemetry.MeterName && instrument.Name == "slipway.queued")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        meter.SetMeasurementEventCallback<int>((_, value, _, _) => queued = value);
        meter.SetMeasurementEventCallback<long>((_, value, _, _) => queued = (int)value);
        meter.Start();
        app.MapGet("/load/queued", (RequestDelegate)(http =>
        {
            meter.RecordObservableInstruments();
            return http.Response.WriteAsync(queued.ToString(CultureInfo.InvariantCulture));
        }));
        app.MapGet("/load/engine", (RequestDelegate)(async http =>
        {
            var query = http.Request.Query;
            var (tokens, time) = await EngineAsync(
                client, Number(query["seed"]), Number(query["words"]), Number(query["requests"]), batchSize);
            await http.Response.WriteAsync(string.Create(
                CultureInfo.InvariantCulture, $"{tokens} {time.TotalSeconds}"));
        }));
        await app.StartAsync();
        Console.WriteLine(app.Urls.First());
        await Console.In.ReadToEndAsync();
    }

    private static async Task<(long Tokens, TimeSpan Time)> EngineAsync(
        OnnxChatClient client, int seed, int maxWords, int count, int streams)
    {
        var mix = new RequestMix(seed, maxWords);
        var requests = Enumerable.Range(0, count).Select(_ => mix.Next()).ToList();
        var tokens = 0L;
        var clock = Stopwatch.StartNew();
        await Parallel.ForEachAsync(
            requests, new ParallelOptions { MaxDegreeOfParallelism = streams }, async (request, cancellationToken) =>
            {
                var options = new ChatOptions { Temperature = 0, MaxOutputTokens = request.MaxTokens };
                await foreach (var update in client.GetStreamingResponseAsync(
                    request.Prompt, options, cancellationToken))
                {
                    foreach (var usage in update.Contents.OfType<UsageContent>())
                    {
                        Interlocked.Add(ref tokens, usage.Details.OutputTokenCount ?? 0);
                    }
                }
            });
        return (tokens, clock.Elapsed);
    }

    private static int Number(string? text) => int.Parse(text!, CultureInfo.InvariantCulture);
}
