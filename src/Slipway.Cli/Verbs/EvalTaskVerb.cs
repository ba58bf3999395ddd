using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Evaluation.Tasks;
using Spectre.Console;

namespace Slipway.Cli.Verbs;

/// <summary>Scores a package on tasks.</summary>
internal static class EvalTaskVerb
{
    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE")
        {
            Description = "A package folder; of a model that labels texts for classification alone.",
        };
        var output = new Option<string?>("--output", "-o")
        {
            Description = "A folder for the answers, as they come; a run that was ended goes on from there.",
        };
        var concurrency = new Option<int>("--concurrency")
        {
            Description = "Items at the same time.", DefaultValueFactory = _ => 8,
        };
        var tasks = new TaskArguments(isRequired: true);
        var resources = new ModelArguments(context);
        var json = VerbContext.JsonOption();
        var command = new Command(
            "task",
            "Score tasks. Example: slipway eval task package --task multiple-choice=arc.jsonl --task "
            + "reasoning=gsm8k.jsonl")
        {
            package, output, concurrency, json,
        };
        tasks.AddTo(command);
        resources.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var opened = tasks.Open(result);
            var folder = result.GetRequiredValue(package);
            using var model = PackageKinds.IsEncoder(folder)
                ? null : LanguageModel.Load(folder, resources.Read(result));
            using var classifier = model is not null ? null : new OnnxTextClassifier(new OnnxTextClassifierOptions
            {
                PackagePath = folder, Threads = resources.Threads(result),
            });
            var subject = model is not null ? new TaskSubject(model) : new TaskSubject(classifier!);
            List<TaskReport> reports = [];
            foreach (var task in opened)
            {
                var options = new TaskRunnerOptions
                {
                    ResultsPath = result.GetValue(output) is { } answers
                        ? Path.Combine(answers, $"{task.Name}.results.jsonl") : null,
                    Concurrency = result.GetValue(concurrency),
                };
                reports.Add(await ProgressDisplay.RunAsync(context, task.Name, progress => TaskRunner.RunAsync(
                    task, subject, options,
                    new Relay<TaskProgress>(step => progress.Report((
                        (double)step.Done / step.Items, $"{step.Done}/{step.Items}"))),
                    cancellationToken)).ConfigureAwait(false));
            }

            if (result.GetValue(json))
            {
                context.WriteJson(new JsonObject
                {
                    ["model"] = subject.Describe(),
                    ["tasks"] = new JsonArray([.. reports.Select(report => (JsonNode)TaskJson.Of(report))]),
                });
            }
            else
            {
                Write(context, reports);
            }

            return 0;
        });
        return command;
    }

    private static void Write(VerbContext context, IReadOnlyList<TaskReport> reports)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var title in new[] { "task", "items", "measure", "score", "95 %" })
        {
            table.AddColumn(title, column => column.NoWrap());
        }

        foreach (var (report, score) in reports.SelectMany(report => report.Scores.Select(score => (report, score))))
        {
            table.AddRow(
                Markup.Escape(report.Task), $"{report.Items}", score.Name,
                Amounts.Number(score.Estimate.Value, "0.0000"),
                $"{Amounts.Number(score.Estimate.Low, "0.0000")} to "
                + $"{Amounts.Number(score.Estimate.High, "0.0000")} ({score.Estimate.Method})");
        }

        Tables.Write(context, table);
        foreach (var report in reports)
        {
            context.Output.WriteLine(
                $"{report.Task}: {Amounts.Number(report.Elapsed.TotalSeconds, "0.0")} s"
                + (report.Resumed > 0 ? $"; {report.Resumed} answers of an earlier run" : ""));
        }
    }
}
