// Three replicas behind a gateway, of which one is killed under load: dotnet run -c Release --project samples/Replicas
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

if (args is ["replica", var folder])
{
    await using var replica = await StartAsync(
        services => services.AddOpenAIServer().AddModel(folder, "model", chat => chat.Model.AllowSpinning = false),
        app => app.MapOpenAI(), app => app.MapServerHealth());
    Console.WriteLine(replica.Urls.First());
    return (await Console.In.ReadToEndAsync()).Length; // as the parent ends
}

var package = args.FirstOrDefault() ?? "models/device-assistant/int4";
Process[] replicas = [.. Enumerable.Range(0, 3).Select(_ => Process.Start(
    new ProcessStartInfo("dotnet", [Environment.GetCommandLineArgs()[0], "replica", package])
    { RedirectStandardInput = true, RedirectStandardOutput = true })!)];
string[] addresses = [.. replicas.Select(replica => replica.StandardOutput.ReadLine()!)];
foreach (var affinity in (bool[])[false, true])
{
    using var http = new HttpClient { BaseAddress = new((await GatewayAsync(affinity)).Urls.First()) };
    var all = await Task.WhenAll(Enumerable.Range(0, 24).Select(one => ConverseAsync(http, $"{affinity} {one}")));
    Console.WriteLine($"{(affinity ? "With" : "Without")} affinity {all.Sum(one => one.Cached)} of "
        + $"{all.Sum(one => one.Prompt)} tokens of prompts were there from the turns before.");
}

using var client = new HttpClient { BaseAddress = new((await GatewayAsync(affinity: true)).Urls.First()) };
var streams = Enumerable.Range(0, 300).Select(one => StreamAsync(client, $"I am the guest in room {one}.")).ToList();
await Task.WhenAll(streams.Take(30));
replicas[0].Kill();
var ends = (await Task.WhenAll(streams)).CountBy(end => end).ToDictionary();
Console.WriteLine($"{streams.Count} requests, a replica killed: {ends["whole"]} answers are whole, "
    + $"{ends.GetValueOrDefault("error")} had begun and end with an error, {ends.GetValueOrDefault("lost")} lost.");
return ends.GetValueOrDefault("lost");

static async Task<WebApplication> StartAsync(Action<IServiceCollection> add, params Action<WebApplication>[] map)
{
    var builder = WebApplication.CreateSlimBuilder();
    add(builder.Services.AddLogging(logging => logging.ClearProviders()));
    var app = builder.Build();
    app.Urls.Add("http://127.0.0.1:0");
    Array.ForEach(map, one => one(app));
    await app.StartAsync();
    return app;
}

Task<WebApplication> GatewayAsync(bool affinity) => StartAsync(services => services.AddModelGateway(
    options => (options.Replicas, options.PrefixAffinity) = (addresses, affinity)), app => app.MapModelGateway());

static async Task<(long Prompt, long Cached)> ConverseAsync(HttpClient http, string name)
{
    var (messages, prompt, cached) = (new JsonArray(), 0L, 0L);
    foreach (var turn in Enumerable.Range(1, 6))
    {
        messages.Add(User($"Hello! This is greeting {turn} of {name}; introduce yourself."));
        using var response = await PostAsync(http, messages, stream: false);
        var answer = (await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonNode>())!;
        messages.Add(answer["choices"]![0]!["message"]!.DeepClone());
        prompt += (long)answer["usage"]!["prompt_tokens"]!;
        cached += (long)answer["usage"]!["prompt_tokens_details"]!["cached_tokens"]!;
    }

    return (prompt, cached);
}

static async Task<string> StreamAsync(HttpClient http, string message)
{
    using var response = await PostAsync(http, [User(message)], stream: true);
    var text = await response.Content.ReadAsStringAsync();
    return text.EndsWith("[DONE]\n\n") ? "whole" : text.Contains("\"replica_lost\"") ? "error" : "lost";
}

static JsonNode User(string text) => new JsonObject { ["role"] = "user", ["content"] = text };

static Task<HttpResponseMessage> PostAsync(HttpClient http, JsonArray messages, bool stream)
    => http.PostAsJsonAsync("v1/chat/completions", new { model = "model", max_tokens = 24, messages, stream });
