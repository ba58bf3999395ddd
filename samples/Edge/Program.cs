// A small device: one thread and a ceiling on resident memory for the whole process, .NET and model together.
// dotnet run -c Release --project samples/Edge [PACKAGE] [MEGABYTES] [chat]; "chat" gives the model no tools
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.AI;
using Slipway;
using Slipway.Packaging;

const long Megabyte = 1024 * 1024;
var package = args.ElementAtOrDefault(0) ?? "models/device-assistant/int4";
var ceiling = int.Parse(args.ElementAtOrDefault(1) ?? "120", CultureInfo.InvariantCulture) * Megabyte;

// The managed heap and, below, keys and values have bounds. Whether weights and native library fit, the peak says.
AppContext.SetData("GCHeapHardLimit", (ulong)Math.Max(ceiling / 4, 16 * Megabyte));
GC.RefreshMemoryLimit();
if (!Fits("nothing but .NET started"))
{
    return 1;
}

using var client = new OnnxChatClient(new OnnxChatClientOptions
{
    PackagePath = package,
    Model = new()
    {
        Threads = 1, AllowSpinning = false, UseLargePages = false, MaxBatchSize = 1, MaxPrefillTokens = 64,
        ContextLength = 512, KeyValueCacheBytes = ceiling / 8,
        Verification = PackageVerification.Sizes, // hashing would load OpenSSL
    },
});
var kernels = client.GetService<LanguageModel>()!.Kernels; // loads it, which leaves garbage
GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);
if (!Fits("the model loaded"))
{
    return 1;
}

var options = new ChatOptions
{
    MaxOutputTokens = 48, Tools = args.ElementAtOrDefault(2) == "chat" ? null
        : [AIFunctionFactory.Create((string room, bool on) => "ok", "set_light", "Lights a room.")],
};
var clock = Stopwatch.StartNew();
long tokens = 0;
foreach (var request in new[] { "Good morning!", "Turn on the light in the kitchen.", "Switch off the bedroom light." })
{
    var response = await client.GetResponseAsync(request, options);
    tokens += response.Usage?.OutputTokenCount ?? 0;
    var call = response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>().FirstOrDefault();
    Console.WriteLine(
        $"{request} -> {(call is null ? response.Text : $"{call.Name}({string.Join(", ", call.Arguments!)})")}");
    if (!Fits("this answer given"))
    {
        return 1;
    }
}

var seconds = clock.Elapsed.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture);
Console.WriteLine(
    $"{tokens} tokens in {seconds} s, {kernels}; resident peak {Peak() / Megabyte} MB of {ceiling / Megabyte} MB.");
return 0;

bool Fits(string after)
{
    if (Peak() <= ceiling)
    {
        return true;
    }

    Console.Error.WriteLine(
        $"With {after} the resident peak is {Peak() / Megabyte} MB; the ceiling is {ceiling / Megabyte} MB. "
        + "Raise the ceiling, or take a smaller model.");
    return false;
}

static long Peak()
{
    using var process = Process.GetCurrentProcess();
    return process.PeakWorkingSet64;
}
