using System.CommandLine;
using System.Text.Json.Nodes;
using Slipway.Cli.Terminal;
using Slipway.Evaluation.Tasks;
using Slipway.Evaluation.ToolCalls;
using Slipway.Training.Corpus;

namespace Slipway.Cli.Verbs;

/// <summary>Scores tool calls on conversations that a corpus keeps out of training.</summary>
internal static class EvalToolsVerb
{
    private const int ShownFailures = 10;

    public static Command Create(VerbContext context)
    {
        var package = new Argument<string>("PACKAGE") { Description = "A package folder with a chat template." };
        var corpus = new Option<string>("--corpus")
        {
            Description = "The grammar that conversations are generated from.",
            DefaultValueFactory = _ => "export-scripts/device-assistant.grammar.json",
        };
        var count = new Option<int>("--count")
        {
            Description = "Held-out conversations to score.",
            DefaultValueFactory = _ => 1000,
        };
        var seed = new Option<uint>("--seed") { Description = "Chooses other held-out conversations." };
        var unguided = new Option<bool>("--unguided")
        {
            Description = "Take calls as the model writes them, not held to the offered tools by token masks.",
        };
        var output = new Option<string?>("--output", "-o")
        {
            Description = "A folder for the graded answers, as they come; a run that was ended goes on from there.",
        };
        var write = new Option<string?>("--write")
        {
            Description = "A folder to write the conversations to instead of scoring them: "
                + $"'{HeldOutFiles.Cases}' for --task tool-calls=FILE, '{HeldOutFiles.Choices}' for --task "
                + $"multiple-choice=FILE and '{HeldOutFiles.Text}' for --text, as the package's template puts them.",
            HelpName = "DIR",
        };
        var resources = new ModelArguments(context);
        var json = VerbContext.JsonOption();
        var command = new Command(
            "tools", "Score tool calls on held-out requests. Example: slipway eval tools models/device-assistant/int4")
        {
            package, corpus, count, seed, unguided, output, write, json,
        };
        resources.AddTo(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var grammar = new GrammarCorpus(result.GetRequiredValue(corpus), 1, 0, 0);
            CorpusConversation[] heldOut = [.. grammar.ReadHeldOut(result.GetValue(count), result.GetValue(seed))];
            if (result.GetValue(write) is { } target)
            {
                OptionChecks.RequireNone(
                    result, [unguided, output, json], "is for scores, which --write does without.");
                HeldOutFiles.Write(target, result.GetRequiredValue(package), heldOut);
                return 0;
            }

            var cases = heldOut
                .Select(item => ToolCallCase.FromConversation(item.Kind, item.Messages, item.Tools))
                .ToList();
            var guided = !result.GetValue(unguided);
            using var client = new OnnxChatClient(new OnnxChatClientOptions
            {
                PackagePath = result.GetRequiredValue(package),
                GuideToolCalls = guided,
                Model = resources.Read(result),
            });
            var evaluator = new ToolCallEvaluator(client, new ToolCallEvaluatorOptions
            {
                ResultsPath = result.GetValue(output) is { } folder
                    ? Path.Combine(folder, guided ? "tools.results.jsonl" : "tools.unguided.results.jsonl") : null,
            });
            var report = await ProgressDisplay.RunAsync(context, "tool calls", progress => evaluator.EvaluateAsync(
                cases,
                new Relay<ToolCallProgress>(step => progress.Report((
                    (double)step.Done / step.Cases, $"{step.Right}/{step.Done} right"))),
                cancellationToken)).ConfigureAwait(false);
            if (result.GetValue(json))
            {
                var document = ToJson(report, guided);
                document["model"] = new TaskSubject(client).Describe();
                document["seed"] = result.GetValue(seed);
                context.WriteJson(document);
            }
            else
            {
                Write(context.Output, report);
            }

            return 0;
        });
        return command;
    }

    private static void Write(TextWriter output, ToolCallReport report)
    {
        output.WriteLine(
            $"exact calls      {report.ExactCalls} of {report.CallCases} ({Amounts.Number(100 * report.ExactRate)} %); "
            + $"right tools {report.RightNames}");
        output.WriteLine(
            $"no call needed   {report.RightTextCases} of {report.TextCases} without one; {report.ExactTexts} word for "
            + "word");
        output.WriteLine(
            $"not offered      {report.CallsNotOffered} calls in {report.Cases} cases; malformed "
            + $"{report.MalformedCalls}");
        foreach (var kind in report.Kinds)
        {
            output.WriteLine($"  {kind.Kind,-14} {kind.Right} of {kind.Cases}");
        }

        foreach (var failure in report.Failures.Take(ShownFailures))
        {
            output.WriteLine($"wrong ({failure.Case.Kind}): {failure.Case.Messages[^1].Text} -> {failure.Answer}");
        }

        output.WriteLine(
            $"{Amounts.Number(report.Elapsed.TotalSeconds, "0.0")} s"
            + (report.Resumed > 0 ? $"; {report.Resumed} answers of an earlier run" : ""));
    }

    private static JsonObject ToJson(ToolCallReport report, bool guided) => new()
    {
        ["guided"] = guided,
        ["cases"] = report.Cases,
        ["call_cases"] = report.CallCases,
        ["exact_calls"] = report.ExactCalls,
        ["exact_rate"] = report.ExactRate,
        ["right_names"] = report.RightNames,
        ["text_cases"] = report.TextCases,
        ["right_text_cases"] = report.RightTextCases,
        ["exact_texts"] = report.ExactTexts,
        ["calls_not_offered"] = report.CallsNotOffered,
        ["malformed_calls"] = report.MalformedCalls,
        ["kinds"] = new JsonArray([.. report.Kinds.Select(kind => (JsonNode)new JsonObject
        {
            ["kind"] = kind.Kind,
            ["cases"] = kind.Cases,
            ["right"] = kind.Right,
        })]),
        ["seconds"] = Math.Round(report.Elapsed.TotalSeconds, 2),
    };
}
