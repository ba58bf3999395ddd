using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Evaluation.Bench;
using Slipway.Evaluation.Bench.Serving;
using Spectre.Console;

namespace Slipway.Cli.Verbs;

/// <summary>Measures what serving a package is like, each figure beside its bar.</summary>
internal static class BenchServingVerb
{
    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE") { Description = "A package folder." };
        var baseline = BaselineOption();
        var threads = new Option<int>("--threads")
        {
            Description = "Threads that compute.", DefaultValueFactory = _ => 2,
        };
        var rounds = new Option<int>("--rounds")
        {
            Description = "Rounds; medians are shown.", DefaultValueFactory = _ => 3,
        };
        var prompt = Number("--prompt-tokens", 512, "Tokens of each prompt.");
        var tokens = Number("--new-tokens", 128, "Tokens to generate.");
        var longPrompt = Number("--long-prompt-tokens", 4096, "Tokens of the prompt that arrives while others decode.");
        var turn = Number("--turn-tokens", 32, "Tokens that the second turn of a conversation adds.");
        var streams = Number("--streams", 8, "Streams that decode together.");
        var many = Number("--many-streams", 32, "Streams of a large batch.");
        var json = VerbContext.JsonOption();
        var command = new Command(
            "serving",
            "Measure a package under load, each figure beside its bar. Example: slipway bench serving package "
            + "--baseline plain")
        {
            package, baseline, threads, rounds, prompt, tokens, longPrompt, turn, streams, many, json,
        };
        command.SetAction(async (result, cancellationToken) =>
        {
            var folder = result.GetRequiredValue(package);
            var options = new ServingOptions
            {
                PromptTokens = result.GetValue(prompt), NewTokens = result.GetValue(tokens),
                LongPromptTokens = result.GetValue(longPrompt), TurnTokens = result.GetValue(turn),
                Streams = result.GetValue(streams), ManyStreams = result.GetValue(many),
                Threads = result.GetValue(threads), Rounds = result.GetValue(rounds),
                BaselinePackage = result.GetValue(baseline),
            };
            options.FreshProcess = token => BenchProbeVerb.StartAsync(folder, options, token);
            var report = await ProgressDisplay.RunAsync(context, "bench", progress => ServingBench.MeasureAsync(
                folder, options,
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

    /// <summary>The option that names the plain loop's package.</summary>
    public static Option<string?> BaselineOption() => new("--baseline")
    {
        Description = "The plain loop's package, such as one with a mask and int4 blocks of 32; PACKAGE unless told.",
    };

    private static Option<int> Number(string name, int value, string description)
        => new(name) { Description = description, DefaultValueFactory = _ => value };

    private static void Write(VerbContext context, ServingReport report)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("");
        foreach (var title in new[] { "figure", "bar", "", "measured", "against" })
        {
            table.AddColumn(title, column => column.RightAligned().NoWrap());
        }

        foreach (var figure in report.Figures)
        {
            table.AddRow(
                figure.Name,
                Amounts.Number(figure.Value, "0.00"),
                (figure.IsLeast ? "≥ " : "≤ ") + Amounts.Number(figure.Bar),
                figure.IsMet ? "met" : "missed",
                Absolute(figure.Measured, figure.Unit),
                figure.Reference is { } reference ? Absolute(reference, figure.Unit) : "");
        }

        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Output) }).Write(table);
        context.Output.WriteLine($"{report.Threads} threads, medians over {report.Rounds} rounds");
        context.Output.WriteLine($"package     {report.Package}");
        context.Output.WriteLine($"plain loop  {report.BaselinePackage}");
    }

    private static string Absolute(double value, string unit)
        => $"{Amounts.Number(value, value < 100 ? "0.0" : "0")} {unit}";

    private static JsonObject ToJson(ServingReport report) => new()
    {
        ["threads"] = report.Threads,
        ["rounds"] = report.Rounds,
        ["package"] = report.Package,
        ["baseline"] = report.BaselinePackage,
        ["figures"] = new JsonArray([.. report.Figures.Select(figure => (JsonNode)new JsonObject
        {
            ["name"] = figure.Name,
            ["value"] = Math.Round(figure.Value, 4),
            ["bar"] = figure.Bar,
            ["at_least"] = figure.IsLeast,
            ["met"] = figure.IsMet,
            ["unit"] = figure.Unit,
            ["measured"] = Math.Round(figure.Measured, 2),
            ["against"] = figure.Reference is { } reference ? Math.Round(reference, 2) : null,
        })]),
    };
}
