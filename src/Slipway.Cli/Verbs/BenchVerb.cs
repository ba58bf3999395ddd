using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Evaluation.Bench;
using Spectre.Console;

namespace Slipway.Cli.Verbs;

/// <summary>Measures a package's speed and memory.</summary>
internal static class BenchVerb
{
    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE") { Description = "A package folder." };
        var prompt = new Option<int>("--prompt-tokens")
        {
            Description = "Tokens of each prompt.", DefaultValueFactory = _ => 512,
        };
        var tokens = new Option<int>("--new-tokens")
        {
            Description = "Tokens to generate.", DefaultValueFactory = _ => 128,
        };
        var concurrency = new Option<string>("--concurrency")
        {
            Description = "Streams at once, such as 1,4,8.",
            DefaultValueFactory = _ => "1",
        };
        var resources = new ModelArguments(context);
        var rounds = new Option<int>("--rounds")
        {
            Description = "Rounds; medians are shown.", DefaultValueFactory = _ => 3,
        };
        var baseline = BenchServingVerb.BaselineOption();
        var json = VerbContext.JsonOption();
        var command = new Command(
            "bench", "Measure speed and memory beside a plain loop. Example: slipway bench package --concurrency 1,8")
        {
            package, prompt, tokens, concurrency, rounds, baseline, json, BenchGuidanceVerb.Create(context),
            BenchProfileVerb.Create(context), BenchServingVerb.Create(context), BenchProbeVerb.Create(context),
        };
        resources.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var options = new BenchOptions
            {
                PromptTokens = result.GetValue(prompt),
                NewTokens = result.GetValue(tokens),
                Streams = ParseStreams(result.GetValue(concurrency)!),
                Threads = resources.Threads(result),
                Model = resources.Read(result),
                Rounds = result.GetValue(rounds),
                BaselinePackage = result.GetValue(baseline),
            };
            var report = await ProgressDisplay.RunAsync(context, "bench", progress => ModelBench.MeasureAsync(
                result.GetRequiredValue(package), options,
                new Relay<BenchProgress>(step => progress.Report(((double)step.Done / step.Runs, step.Current))),
                    cancellationToken))
                .ConfigureAwait(false);
            if (result.GetValue(json))
            {
                context.WriteJson(ToJson(report));
            }
            else
            {
                Write(context, report);
            }

            return 0;
        });
        return command;
    }

    private static void Write(VerbContext context, BenchReport report)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var title in new[] { "", "prefill tok/s", "decode tok/s", "first token ms", "longest pause ms",
            "prefill ×", "decode ×" })
        {
            table.AddColumn(title, column => column.RightAligned());
        }

        foreach (var run in report.Runs)
        {
            table.AddRow(Row($"{run.Streams} stream{(run.Streams == 1 ? "" : "s")}", run));
        }

        if (report.PlainLoop is { } plain)
        {
            table.AddRow(Row("plain loop", plain));
        }

        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Output) }).Write(table);
        context.Output.WriteLine(
            $"{report.Threads} threads; load {Milliseconds(report.LoadTime)} ms, to the first token "
            + $"{Milliseconds(report.LoadToFirstToken)} ms; package {Amounts.Bytes(report.PackageBytes)}; peak memory "
            + $"{Amounts.Bytes(report.PeakMemoryBytes)}");
    }

    private static string[] Row(string name, BenchRun run) =>
    [
        name, Amounts.Number(run.PrefillTokensPerSecond, "0.0"), Amounts.Number(run.DecodeTokensPerSecond, "0.0"),
        Milliseconds(run.TimeToFirstToken), Milliseconds(run.LongestPause),
        run.PrefillRatio is { } prefill
            ? Amounts.Number(prefill) : "", run.DecodeRatio is { } decode ? Amounts.Number(decode) : "",
    ];

    private static string Milliseconds(TimeSpan time) => Amounts.Number(time.TotalMilliseconds, "0");

    /// <summary>Reads numbers of streams.</summary>
    internal static int[] ParseStreams(string list) =>
    [
        .. list.Split(',', StringSplitOptions.TrimEntries).Select(text =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0
                ? count
                : throw new UsageException(
                    $"'{text}' in --concurrency is no number of streams; expected a list such as 1,4,8.")),
    ];

    private static JsonObject ToJson(BenchReport report) => new()
    {
        ["threads"] = report.Threads,
        ["prompt_tokens"] = report.PromptTokens,
        ["new_tokens"] = report.NewTokens,
        ["load_seconds"] = Seconds(report.LoadTime),
        ["load_to_first_token_seconds"] = Seconds(report.LoadToFirstToken),
        ["package_bytes"] = report.PackageBytes,
        ["peak_memory_bytes"] = report.PeakMemoryBytes,
        ["runs"] = new JsonArray([.. report.Runs.Select(run => (JsonNode)ToJson(run))]),
        ["plain_loop"] = report.PlainLoop is { } plain ? ToJson(plain) : null,
    };

    private static JsonObject ToJson(BenchRun run) => new()
    {
        ["streams"] = run.Streams,
        ["prefill_tokens_per_second"] = Math.Round(run.PrefillTokensPerSecond, 1),
        ["decode_tokens_per_second"] = Math.Round(run.DecodeTokensPerSecond, 1),
        ["time_to_first_token_seconds"] = Seconds(run.TimeToFirstToken),
        ["longest_time_to_first_token_seconds"] = Seconds(run.LongestTimeToFirstToken),
        ["longest_pause_seconds"] = Seconds(run.LongestPause),
        ["prefill_ratio"] = run.PrefillRatio,
        ["decode_ratio"] = run.DecodeRatio,
    };

    private static double Seconds(TimeSpan time) => Math.Round(time.TotalSeconds, 4);
}
