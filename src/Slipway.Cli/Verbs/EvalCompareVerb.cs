using System.CommandLine;
using Slipway.Cli.Reports;
using Slipway.Cli.Terminal;
using Slipway.Evaluation.Bench;
using Slipway.Evaluation.Comparison;
using Slipway.Evaluation.Perplexity;

namespace Slipway.Cli.Verbs;

/// <summary>Measures several packages side by side.</summary>
internal static class EvalCompareVerb
{
    private const string JsonFile = "report.json";
    private const string HtmlFile = "report.html";

    public static Command Create(VerbContext context)
    {
        var packages = new Argument<string[]>("PACKAGES")
        {
            Description = "Package folders.", Arity = ArgumentArity.OneOrMore,
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = $"A folder for '{JsonFile}', '{HtmlFile}' and what was measured, as it comes; a comparison "
                + "that was ended goes on from there.",
            Required = true,
        };
        var text = new Option<string?>("--text") { Description = "A text file in UTF-8 to measure perplexity on." };
        var window = new Option<int>("--window")
        {
            Description = "Tokens of a window.", DefaultValueFactory = _ => 1024,
        };
        var windows = new Option<int?>("--windows") { Description = "The most windows to score; all unless told." };
        var reference = new Option<string?>("--reference")
        {
            Description = "The package to measure KL divergence and agreement against over the text.",
        };
        var rounds = new Option<int>("--rounds")
        {
            Description = "Rounds of the measurement of speed, around all packages; 0 leaves it out.",
            DefaultValueFactory = _ => 3,
        };
        var concurrency = new Option<int>("--concurrency")
        {
            Description = "Items of a task at the same time.", DefaultValueFactory = _ => 8,
        };
        var tasks = new TaskArguments(isRequired: false);
        var resources = new ModelArguments(context);
        var json = VerbContext.JsonOption();
        var command = new Command(
            "compare",
            "Measure packages side by side: size, speed and every score with its interval. Example: slipway eval "
            + "compare fp32 int8 int4 --text test.txt --windows 16 --reference fp32 --task "
            + "multiple-choice=arc.jsonl -o report")
        {
            packages, output, text, window, windows, reference, rounds, concurrency, json,
        };
        tasks.AddTo(command);
        resources.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var folder = result.GetRequiredValue(output);
            var options = new ComparisonOptions
            {
                TextPath = result.GetValue(text),
                Text = new PerplexityOptions { Window = result.GetValue(window), Windows = result.GetValue(windows) },
                ReferencePackage = result.GetValue(reference),
                Tasks = tasks.Open(result),
                Speed = result.GetValue(rounds) > 0
                    ? new BenchOptions { Rounds = result.GetValue(rounds), Threads = resources.Threads(result) } : null,
                Model = resources.Read(result),
                ResultsFolder = folder,
                Concurrency = result.GetValue(concurrency),
                Seed = tasks.Seed(result),
            };
            var report = await ProgressDisplay.RunAsync(context, "compare", progress => PackageComparison.RunAsync(
                result.GetRequiredValue(packages), options,
                new Relay<ComparisonProgress>(step => progress.Report((
                    (double)step.Done / step.Steps, step.Current))),
                cancellationToken)).ConfigureAwait(false);

            var document = ComparisonJson.Of(report);
            Directory.CreateDirectory(folder);
            await File.WriteAllTextAsync(
                Path.Combine(folder, JsonFile), VerbContext.ToText(document), cancellationToken).ConfigureAwait(false);
            await File.WriteAllTextAsync(
                Path.Combine(folder, HtmlFile),
                ComparisonPage.Of(report, $"slipway {string.Join(' ', result.Tokens.Select(token => token.Value))}"),
                cancellationToken).ConfigureAwait(false);
            if (result.GetValue(json))
            {
                context.WriteJson(document);
            }
            else
            {
                Tables.Write(context, ComparisonTable.Of(report));
                context.Output.WriteLine(
                    $"In brackets what covers the true value in 95 of 100 samples; of speeds the range of the rounds. "
                    + $"'{Path.Combine(folder, HtmlFile)}' shows it in plots.");
            }

            return 0;
        });
        return command;
    }
}
