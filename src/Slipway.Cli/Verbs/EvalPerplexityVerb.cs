using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Evaluation.Perplexity;
using Slipway.Evaluation.Tasks;

namespace Slipway.Cli.Verbs;

/// <summary>Measures how well a model predicts a text.</summary>
internal static class EvalPerplexityVerb
{
    private const int CustomaryWindow = 1024;

    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE") { Description = "A package folder." };
        var text = new Option<string>("--text") { Description = "A text file in UTF-8.", Required = true };
        var window = new Option<int?>("--window")
        {
            Description =
                $"Tokens of a window; {CustomaryWindow} unless told, or the model's context where that is shorter.",
        };
        var windows = new Option<int?>("--windows") { Description = "The most windows to score; all unless told." };
        var stride = new Option<int?>("--stride")
        {
            Description = "Tokens from window to window, where they are to overlap.",
        };
        var output = new Option<string?>("--output", "-o")
        {
            Description = "A folder for what is measured, window by window; a run that was ended goes on from there.",
        };
        var resources = new ModelArguments(context);
        var json = VerbContext.JsonOption();
        var command = new Command(
            "perplexity",
            "Measure how well a model predicts a text. Example: slipway eval perplexity package --text test.txt")
        {
            package, text, window, windows, stride, output, json,
        };
        resources.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var model = LanguageModel.Load(
                result.GetRequiredValue(package), resources.Read(result));
            var size = result.GetValue(window) ?? Math.Min(CustomaryWindow, model.ContextLength);
            var evaluator = new PerplexityEvaluator(model, new PerplexityOptions
            {
                Window = size,
                Windows = result.GetValue(windows),
                Stride = result.GetValue(stride),
                ResultsPath = ResultsPath(result.GetValue(output)),
            });
            var report = await ProgressDisplay.RunAsync(context, "perplexity", progress => evaluator.EvaluateFileAsync(
                result.GetRequiredValue(text),
                new Relay<PerplexityProgress>(step => progress.Report((
                    (double)step.Done / step.Windows,
                    $"{step.Done}/{step.Windows} {Amounts.Number(step.Perplexity, "0.000")}"))),
                cancellationToken)).ConfigureAwait(false);
            if (result.GetValue(json))
            {
                context.WriteJson(new JsonObject
                {
                    ["model"] = new TaskSubject(model).Describe(),
                    ["perplexity"] = report.Perplexity,
                    ["windows"] = report.NllPerWindow.Count,
                    ["window"] = size,
                    ["scored_tokens"] = report.ScoredTokens,
                    ["text_tokens"] = report.TextTokens,
                    ["seconds"] = Math.Round(report.Elapsed.TotalSeconds, 2),
                    ["nll_per_window"] = new JsonArray([.. report.NllPerWindow.Select(nll => (JsonNode)nll)]),
                });
            }
            else
            {
                context.Output.WriteLine(
                    $"perplexity {Amounts.Number(report.Perplexity, "0.0000")} over {report.NllPerWindow.Count} "
                    + $"windows, {report.ScoredTokens} tokens, {Amounts.Number(report.Elapsed.TotalSeconds, "0.0")} s");
            }

            return 0;
        });
        return command;
    }

    /// <summary>Gives the file of results in a folder; null where none is kept.</summary>
    public static string? ResultsPath(string? folder)
        => folder is null ? null : Path.Combine(folder, "text.results.jsonl");
}
