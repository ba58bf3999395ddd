using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Evaluation.Bench;
using Slipway.Evaluation.Bench.Profile;
using Spectre.Console;

namespace Slipway.Cli.Verbs;

/// <summary>Tells which operators take a package's time.</summary>
internal static class BenchProfileVerb
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
            Description = "Tokens to generate.", DefaultValueFactory = _ => 64,
        };
        var concurrency = new Option<string>("--concurrency")
        {
            Description = "Streams at once, such as 1,32; the prompt's own profile is that of 1.",
            DefaultValueFactory = _ => "1",
        };
        var resources = new ModelArguments(context);
        var json = VerbContext.JsonOption();
        var command = new Command(
            "profile",
            "Tell which operators take the time of a prompt and of a step. Example: slipway bench profile package")
        {
            package, prompt, tokens, concurrency, json,
        };
        resources.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var options = new BenchOptions
            {
                PromptTokens = result.GetValue(prompt),
                NewTokens = result.GetValue(tokens),
                Streams = BenchVerb.ParseStreams(result.GetValue(concurrency)!),
                Threads = resources.Threads(result),
                Model = resources.Read(result),
            };
            var phases = await ProgressDisplay.RunAsync(context, "profile", progress => ModelProfiler.MeasureAsync(
                result.GetRequiredValue(package), options,
                new Relay<BenchProgress>(step => progress.Report(((double)step.Done / step.Runs, step.Current))),
                cancellationToken)).ConfigureAwait(false);
            if (result.GetValue(json))
            {
                context.WriteJson(new JsonObject { ["phases"] = new JsonArray([.. phases.Select(ToJson)]) });
                return 0;
            }

            foreach (var phase in phases)
            {
                Write(context, phase);
            }

            return 0;
        });
        return command;
    }

    private static void Write(VerbContext context, PhaseProfile phase)
    {
        context.Output.WriteLine(
            $"{phase.Name}, {phase.Streams} stream{(phase.Streams == 1 ? "" : "s")}: {phase.Runs} runs of "
            + $"{Amounts.Number(phase.TokensPerRun, "0.#")} tokens, {Milliseconds(phase.Elapsed)} ms each");
        var table = new Table().Border(TableBorder.Simple).AddColumn("");
        foreach (var title in new[] { "nodes", "ms", "%", "weights GB/s" })
        {
            table.AddColumn(title, column => column.RightAligned());
        }

        foreach (var part in phase.Operators)
        {
            table.AddRow(
                Markup.Escape(part.Name), Amounts.Number(part.Nodes, "0.#"), Milliseconds(part.Elapsed),
                Share(part.Elapsed),
                part.WeightBytes == 0 ? "" : Amounts.Number(part.WeightBytes / part.Elapsed.TotalSeconds / 1e9, "0.0"));
        }

        table.AddRow("between operators", "", Milliseconds(phase.BetweenOperators), Share(phase.BetweenOperators), "");
        table.AddRow("between runs", "", Milliseconds(phase.BetweenRuns), Share(phase.BetweenRuns), "");
        Tables.Write(context, table);

        string Share(TimeSpan time) => Amounts.Number(100 * (time / phase.Elapsed), "0.0");
    }

    private static string Milliseconds(TimeSpan time) => Amounts.Number(time.TotalMilliseconds, "0.000");

    private static JsonNode ToJson(PhaseProfile phase) => new JsonObject
    {
        ["phase"] = phase.Name,
        ["streams"] = phase.Streams,
        ["runs"] = phase.Runs,
        ["tokens_per_run"] = phase.TokensPerRun,
        ["microseconds"] = phase.Elapsed.TotalMicroseconds,
        ["running_microseconds"] = phase.Running.TotalMicroseconds,
        ["operators"] = new JsonArray([.. phase.Operators.Select(part => new JsonObject
        {
            ["operator"] = part.Name,
            ["nodes"] = part.Nodes,
            ["microseconds"] = part.Elapsed.TotalMicroseconds,
            ["weight_bytes"] = part.WeightBytes,
        })]),
    };
}
