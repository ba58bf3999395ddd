using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Cli.Installation;
using Slipway.Cli.Terminal;
using Slipway.Rollouts;
using Slipway.Training.Running;

namespace Slipway.Cli.Verbs;

/// <summary>Trains a model as a recipe says.</summary>
internal static class TrainVerb
{
    public static Command Create(VerbContext context)
    {
        var recipe = new Argument<string>("CONFIG")
        {
            Description = "A recipe, such as export-scripts/device-assistant.json.",
        };
        var json = VerbContext.JsonOption();
        var command = new Command(
            "train",
            "Train a model; an interrupted run goes on where it was. Example: slipway train "
            + "export-scripts/device-assistant.json")
        {
            recipe, json,
        };
        command.SetAction(async (result, cancellationToken) =>
        {
            if (File.Exists(result.GetRequiredValue(recipe)))
            {
                await Libtorch.RequireAsync(context, cancellationToken).ConfigureAwait(false);
            }

            var log = new LineLog(context);
            var report = await ProgressDisplay.RunAsync(context, "train", progress => Task.FromResult(TrainingRun.Start(
                result.GetRequiredValue(recipe),
                new Relay<TrainingProgress>(step =>
                {
                    progress.Report((step.Steps > 0 ? (double)step.Step / step.Steps : 0, Words(step)));
                    log.Report(step);
                }),
                new OnnxRollouts(), cancellationToken))).ConfigureAwait(false);
            if (result.GetValue(json))
            {
                context.WriteJson(ToJson(report));
            }
            else
            {
                context.Output.WriteLine(
                    $"'{report.Checkpoint}': {report.Parameters} parameters, {report.Steps} steps, {report.Tokens} "
                    + $"tokens, {Amounts.Number(report.TokensPerSecond, "0")} tokens/s, "
                    + $"{Amounts.Number(report.Seconds, "0")} s, peak memory {Amounts.Bytes(report.PeakMemoryBytes)}");
                foreach (var stage in report.Stages)
                {
                    context.Output.WriteLine(
                        $"{stage.Kind}: loss {Loss(stage.Loss)}, held-out loss {Loss(stage.EvaluationLoss)}"
                        + string.Concat(stage.Scores?.Select(one => $", {one.Key} {Loss(one.Value)}") ?? [])
                        + (stage.Reward is { } reward ? $", reward {Loss(reward)}" : "")
                        + (stage.Cut > 0 ? $", {stage.Cut} examples cut to 'sequence_length'" : "")
                        + (stage.LeftOut > 0 ? $", {stage.LeftOut} examples left out" : ""));
                }
            }

            return 0;
        });
        return command;
    }

    private static string Words(TrainingProgress step) => step.Loss is null
        ? step.Steps > 0 ? $"{step.Phase} {step.Step}/{step.Steps}" : step.Phase
        : $"{step.Phase} {step.Step}/{step.Steps} loss {Loss(step.Loss)}"
            + (step.Reward is { } reward ? $" reward {Loss(reward)}" : "")
            + (step.EvaluationLoss is { } held ? $" ({Loss(held)} held out)" : "")
            + $" {Amounts.Number(step.TokensPerSecond, "0")} tokens/s"
            + (step.Remaining is { } left
                ? string.Create(CultureInfo.InvariantCulture, $" {left:hh\\:mm\\:ss} left") : "");

    private static string Loss(double? loss) => loss is { } value ? Amounts.Number(value, "0.0000") : "-";

    private static JsonObject ToJson(TrainingReport report) => new()
    {
        ["checkpoint"] = report.Checkpoint,
        ["parameters"] = report.Parameters,
        ["steps"] = report.Steps,
        ["tokens"] = report.Tokens,
        ["seconds"] = Math.Round(report.Seconds, 1),
        ["tokens_per_second"] = Math.Round(report.TokensPerSecond, 1),
        ["peak_memory_bytes"] = report.PeakMemoryBytes,
        ["stages"] = new JsonArray([.. report.Stages.Select(stage => (JsonNode)new JsonObject
        {
            ["kind"] = stage.Kind,
            ["steps"] = stage.Steps,
            ["loss"] = stage.Loss,
            ["evaluation_loss"] = stage.EvaluationLoss,
            ["reward"] = stage.Reward,
            ["scores"] = stage.Scores is null ? null : JsonSerializer.SerializeToNode(stage.Scores),
            ["examples_cut"] = stage.Cut,
            ["examples_left_out"] = stage.LeftOut,
        })]),
    };

    // Where no bar can be drawn, a line now and then.
    private sealed class LineLog(VerbContext context)
    {
        private static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);
        private readonly TimeProvider _time = TimeProvider.System;
        private long _last;

        public void Report(TrainingProgress step)
        {
            if (context.ShowsProgress || (_last != 0 && _time.GetElapsedTime(_last) < Pause))
            {
                return;
            }

            _last = _time.GetTimestamp();
            context.Error.WriteLine(Words(step));
        }
    }
}
