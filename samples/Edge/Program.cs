// A small device: one thread, a ceiling for the whole process, measured at the end.
// dotnet run -c Release --project samples/Edge [PACKAGE] [MEGABYTES]
using System.Diagnostics;
using System.Globalization;
using System.Runtime;
using Microsoft.Extensions.AI;
using Slipway;

var package = args.ElementAtOrDefault(0) ?? "models/device-assistant/int4";
var ceiling = int.Parse(args.ElementAtOrDefault(1) ?? "160", CultureInfo.InvariantCulture) * 1024L * 1024;

// The managed heap may take a quarter of the ceiling; the .NET runtime refuses to grow beyond it.
AppContext.SetData("GCHeapHardLimit", (ulong)(ceiling / 4));
GC.RefreshMemoryLimit();
GCSettings.LatencyMode = GCLatencyMode.Batch;

using var client = new OnnxChatClient(new OnnxChatClientOptions
{
    PackagePath = package,
    Threads = 1,
    AllowSpinning = false,
    MaxBatchSize = 1,
    ContextLength = 512,
    KeyValueCacheBytes = ceiling / 8,
    PrefillChunk = 64,
});

var options = new ChatOptions
{
    MaxOutputTokens = 48,
    Tools = [AIFunctionFactory.Create((string room, bool on) => "ok", "set_light", "Switches the light of a room.")],
};
var clock = Stopwatch.StartNew();
long tokens = 0;
foreach (var request in new[] { "Good morning!", "Turn on the light in the kitchen.", "Switch off the bedroom light." })
{
    var response = await client.GetResponseAsync(request, options);
    tokens += response.Usage?.OutputTokenCount ?? 0;
    var call = response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>().FirstOrDefault();
    Console.WriteLine($"{request} -> {(call is null ? response.Text : $"{call.Name}({string.Join(", ", call.Arguments!)})")}");
}

var peak = Process.GetCurrentProcess().PeakWorkingSet64;
Console.WriteLine(FormattableString.Invariant(
    $"{tokens} tokens in {clock.Elapsed.TotalSeconds:F1} s; peak {peak >> 20} MB of {ceiling >> 20} MB allowed."));
return peak <= ceiling ? 0 : 1;
