using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Evaluation.Divergence;
using Slipway.Evaluation.Perplexity;
using Slipway.Evaluation.Statistics;
using Slipway.Evaluation.Tasks;

namespace Slipway.Cli.Verbs;

/// <summary>Measures how far a package's predictions are from those of its float package.</summary>
internal static class EvalDivergenceVerb
{
    private const int CustomaryWindow = 1024;

    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE") { Description = "The package folder to measure." };
        var reference = new Option<string>("--reference")
        {
            Description = "The package that is right, such as the same model in fp32.", Required = true,
        };
        var text = new Option<string>("--text") { Description = "A text file in UTF-8.", Required = true };
        var window = new Option<int?>("--window")
        {
            Description =
                $"Tokens of a window; {CustomaryWindow} unless told, or the model's context where that is shorter.",
        };
        var windows = new Option<int?>("--windows") { Description = "The most windows to compare; all unless told." };
        var output = new Option<string?>("--output", "-o")
        {
            Description = "A folder for what is measured, window by window; a run that was ended goes on from there.",
        };
        var resources = new ModelArguments(context);
        var json = VerbContext.JsonOption();
        var command = new Command(
            "divergence",
            "Measure KL divergence and agreement of the most probable token, position by position, against a float "
            + "package. Example: slipway eval divergence int4 --reference fp32 --text test.txt --windows 8")
        {
            package, reference, text, window, windows, output, json,
        };
        resources.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var right = LanguageModel.Load(result.GetRequiredValue(reference), resources.Read(result));
            using var model = LanguageModel.Load(result.GetRequiredValue(package), resources.Read(result));
            var size = result.GetValue(window)
                ?? Math.Min(CustomaryWindow, Math.Min(model.ContextLength, right.ContextLength));
            var evaluator = new DivergenceEvaluator(right, model, new PerplexityOptions
            {
                Window = size,
                Windows = result.GetValue(windows),
                ResultsPath = EvalPerplexityVerb.ResultsPath(result.GetValue(output)),
            });
            var report = await ProgressDisplay.RunAsync(context, "divergence", progress => evaluator.EvaluateFileAsync(
                result.GetRequiredValue(text),
                new Relay<DivergenceProgress>(step => progress.Report((
                    (double)step.Done / step.Windows,
                    $"{step.Done}/{step.Windows} {Amounts.Number(step.MeanDivergence, "0.0000")}"))),
                cancellationToken)).ConfigureAwait(false);
            if (result.GetValue(json))
            {
                context.WriteJson(ToJson(report, size, model, right));
            }
            else
            {
                Write(context.Output, report);
            }

            return 0;
        });
        return command;
    }

    private static void Write(TextWriter output, DivergenceReport report)
    {
        output.WriteLine(
            $"KL divergence    {Amounts.Number(report.MeanDivergence.Value, "0.00000")} nats "
            + $"({Range(report.MeanDivergence, "0.00000")}); median "
            + $"{Amounts.Number(report.MedianDivergence, "0.00000")}, 99 % "
            + $"{Amounts.Number(report.Divergence99, "0.000")}, largest "
            + Amounts.Number(report.MaxDivergence, "0.000"));
        output.WriteLine(
            $"same top token   {Amounts.Number(100 * report.TopAgreement.Value)} % "
            + $"({Amounts.Number(100 * report.TopAgreement.Low)} to {Amounts.Number(100 * report.TopAgreement.High)})");
        output.WriteLine(
            $"perplexity       {Amounts.Number(report.CandidatePerplexity, "0.0000")}; the reference's "
            + $"{Amounts.Number(report.ReferencePerplexity, "0.0000")}");
        output.WriteLine(
            $"over {report.Windows} windows, {report.ScoredTokens} tokens; "
            + $"{Amounts.Number(report.Elapsed.TotalSeconds, "0.0")} s; intervals cover 95 %");
    }

    private static string Range(Estimate estimate, string format)
        => $"{Amounts.Number(estimate.Low, format)} to {Amounts.Number(estimate.High, format)}";

    private static JsonObject ToJson(
        DivergenceReport report, int window, LanguageModel model, LanguageModel reference) => new()
    {
        ["model"] = new TaskSubject(model).Describe(),
        ["reference"] = new TaskSubject(reference).Describe(),
        ["kl_divergence"] = EstimateJson.Of(report.MeanDivergence),
        ["kl_divergence_median"] = report.MedianDivergence,
        ["kl_divergence_99"] = report.Divergence99,
        ["kl_divergence_max"] = report.MaxDivergence,
        ["top_agreement"] = EstimateJson.Of(report.TopAgreement),
        ["perplexity"] = report.CandidatePerplexity,
        ["reference_perplexity"] = report.ReferencePerplexity,
        ["windows"] = report.Windows,
        ["window"] = window,
        ["scored_tokens"] = report.ScoredTokens,
        ["seconds"] = Math.Round(report.Elapsed.TotalSeconds, 2),
    };
}
