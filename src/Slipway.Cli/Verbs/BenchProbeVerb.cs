using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Slipway.Evaluation.Bench.Serving;

namespace Slipway.Cli.Verbs;

/// <summary>
/// Measures the start and the memory of this process; <c>bench serving</c> runs it as a process of its own.
/// </summary>
internal static class BenchProbeVerb
{
    private const string Name = "probe";

    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE");
        var numbers = new Argument<int[]>("THREADS PROMPT NEW STREAMS") { Arity = new ArgumentArity(4, 4) };
        var command = new Command(Name) { package, numbers };
        command.Hidden = true;
        command.SetAction(async (result, cancellationToken) =>
        {
            var values = result.GetRequiredValue(numbers);
            var options = new ServingOptions
            {
                Threads = values[0], PromptTokens = values[1], NewTokens = values[2], Streams = values[3],
            };
            var figures = await ProcessProbe.MeasureAsync(result.GetRequiredValue(package), options, cancellationToken)
                .ConfigureAwait(false);
            context.WriteJson(new JsonObject
            {
                ["load_to_first_token_ticks"] = figures.LoadToFirstToken.Ticks,
                ["peak_memory_bytes"] = figures.PeakMemoryBytes,
                ["kv_bytes"] = figures.KeyValueBytes,
                ["package_bytes"] = figures.PackageBytes,
            });
            return 0;
        });
        return command;
    }

    /// <summary>Runs the verb in a fresh process.</summary>
    public static async Task<ProcessFigures> StartAsync(
        string package, ServingOptions options, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(DotNet())
        {
            RedirectStandardOutput = true,
            ArgumentList = { "exec", typeof(BenchProbeVerb).Assembly.Location, "bench", Name,
                Path.GetFullPath(package) },
        };
        int[] numbers =
        [
            options.Threads ?? Environment.ProcessorCount, options.PromptTokens, options.NewTokens, options.Streams,
        ];
        foreach (var number in numbers)
        {
            start.ArgumentList.Add(number.ToString(CultureInfo.InvariantCulture));
        }

        using var process = Process.Start(start)!;
        try
        {
            var text = await process.StandardOutput.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
            await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            return process.ExitCode == 0 ? Parse(JsonNode.Parse(text)!) : throw new IOException(
                $"The process that measures start and memory of '{package}' ended with the code '{process.ExitCode}'; "
                + "what it says is above.");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private static ProcessFigures Parse(JsonNode figures) => new(
        TimeSpan.FromTicks((long)figures["load_to_first_token_ticks"]!),
        (long)figures["peak_memory_bytes"]!,
        (long)figures["kv_bytes"]!,
        (long)figures["package_bytes"]!);

    // The program that runs this one's runtime, three folders above the framework.
    private static string DotNet() => Path.GetFullPath(Path.Combine(
        RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows()
            ? "dotnet.exe" : "dotnet"));
}
