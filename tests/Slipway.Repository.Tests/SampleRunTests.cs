using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Slipway.Testing;

namespace Slipway.Repository.Tests;

/// <summary>Runs the samples as a reader of the README would, from the repository's root.</summary>
public sealed class SampleRunTests(ITestOutputHelper output)
{
    private const string Checkpoint = "models/device-assistant/checkpoint";
    private const string Package = "models/device-assistant/int4";

    [Fact]
    public async Task TrainExportChat_FromNothing_AnswersWhatItLearned()
    {
        var run = await RunAsync("TrainExportChat");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("Name a thing that is green. A green boat.", run.Output, StringComparison.Ordinal);
        Assert.Contains("Name a thing that is yellow. A yellow boat.", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OwnModel_TrainedAndExported_AnswersWhatItLearned()
    {
        var run = await RunAsync("OwnModel");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains(
            "> Who keeps the lighthouse?\nOld Marta keeps the lighthouse.", run.Output, StringComparison.Ordinal);
        Assert.Contains("> Who are you?\nI am the harbour's own model.", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task QuickStart_WithoutATerminal_PlaysAConversationThatChangesTheHome()
    {
        RequireModel(Checkpoint);

        var run = await RunAsync("QuickStart");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("set_light([room, kitchen], [on, True])", run.Output, StringComparison.Ordinal);
        Assert.Contains("kitchen light on", run.Output, StringComparison.Ordinal);
        Assert.Equal(Transcript("dotnet run -c Release --project samples/QuickStart < /dev/null"), run.Output.Trim());
    }

    [Fact]
    public async Task ToolCalling_OfTheDeviceAssistant_RunsTheFunctions()
    {
        RequireModel(Package);

        var run = await RunAsync("ToolCalling");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("Lights now: kitchen on", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ConsoleChat_WithTwoLines_AnswersBoth()
    {
        RequireModel(Package);

        var run = await RunAsync("ConsoleChat", input: "Hello!\nThank you!\n\n");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(3, run.Output.Split("> ").Skip(1).Count());
        Assert.All(run.Output.Split("> ").Skip(1).SkipLast(1), answer => Assert.NotEmpty(answer.Trim()));
    }

    [Fact]
    public async Task GenericHost_WithItsSettings_AnswersAndEnds()
    {
        RequireModel(Package);

        var run = await RunAsync(
            "GenericHost",
            arguments: $"--Chat:PackagePath={Path.Combine(SharedAssets.Repository, Package)}");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("kitchen: ", run.Output, StringComparison.Ordinal);
        Assert.Contains("20.5 degrees", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ClassifyAndRerank_OfTheTinyCrossEncoder_RanksAndLabels()
    {
        SharedAssets.Path("sentence-transformers", "cross-encoder");

        var run = await RunAsync("ClassifyAndRerank");

        Assert.Equal(0, run.ExitCode);
        var lines = run.Output.Trim().Split('\n');
        Assert.Equal(7, lines.Length);
        double[] scores = [.. lines[1..4].Select(line => double.Parse(
            line.Trim().Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(scores.OrderDescending(), scores);
        Assert.All(lines[4..], line => Assert.StartsWith("LABEL_0 (0.", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Retrieval_OfBothQuestions_FindsTheTextThatAnswers()
    {
        SharedAssets.Path("all-minilm-l6-v2");
        SharedAssets.Path("smollm2-135m-instruct");

        var run = await RunAsync("Retrieval");

        Assert.Equal(0, run.ExitCode);
        var lines = run.Output.Trim().Split('\n');
        Assert.Matches(@"^  0\.\d\d: The lighthouse can be climbed .* 211 steps\.$", lines[1]);
        Assert.Matches(@"^  0\.\d\d: The ferry to Ostrava Island leaves .* pier 12 ", lines[4]);
        Assert.All([lines[2], lines[5]], line => Assert.True(line.Length > 5, run.Output));
    }

    [Fact]
    public async Task Edge_UnderItsCeiling_AnswersAndTellsThePeak()
    {
        RequireModel(Package);

        var run = await RunAsync("Edge");

        Assert.Equal(0, run.ExitCode);
        Assert.Matches(@"resident peak \d+ MB of 120 MB\.", run.Output);
    }

    [Fact]
    public async Task Edge_WithTooLowACeiling_SaysSoAndFails()
    {
        var run = await RunAsync("Edge", arguments: [Package, "8"]);

        Assert.Equal(1, run.ExitCode);
        Assert.Matches(
            @"^With nothing but \.NET started the resident peak is \d+ MB; the ceiling is 8 MB\. Raise the ceiling, "
            + "or take a smaller model\\.",
            run.Errors);
    }

    [Fact]
    public async Task StructuredExtraction_OfRequests_PrintsAnObjectForEach()
    {
        RequireModel(Package);

        var run = await RunAsync("StructuredExtraction");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(3, Regex.Count(run.Output, @"^  Order \{ Device = \w+, State = (On|Off), Room = \w* \}\r?$",
            RegexOptions.Multiline));
    }

    [Fact]
    public async Task McpAgent_WithItsServer_CallsToolsInAnotherProcess()
    {
        RequireModel(Package);

        var run = await RunAsync("McpAgent");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("The server offers set_light, start_timer.", run.Output, StringComparison.Ordinal);
        Assert.Contains("set_light([room, kitchen], [on, True])", run.Output, StringComparison.Ordinal);
        Assert.Contains("The light in the kitchen is on.", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Thoughts_OfEachEffort_AreShownApartAndLimited()
    {
        RequireModel(Package);

        var run = await RunAsync("Thoughts");

        Assert.Equal(0, run.ExitCode);
        Assert.Matches(@"== effort None\r?\n[^(].*\r?\n0 of \d+ tokens were thoughts\.", run.Output);
        Assert.Matches(@"== effort Low\r?\n\(thinks\) .*\r?\n\(says\) ", run.Output);
        var thoughts = Regex.Matches(run.Output, @"(\d+) of \d+ tokens were thoughts")
            .Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(2, thoughts.Count);

        // A quarter of the limit, and the tag that closes them.
        Assert.InRange(thoughts[1], 1, (32 / 4) + 5);
    }

    [Fact]
    public async Task LocalFirst_WithAMessageThatDoesNotFit_AsksTheCloud()
    {
        RequireModel(Package);

        var run = await RunAsync("LocalFirst");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("int4: Hello! What can I do for you?", run.Output, StringComparison.Ordinal);
        Assert.Contains("The local model refuses: The prompt has '", run.Output, StringComparison.Ordinal);
        Assert.Contains("stand-in: Hello from afar!", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Replicas_OfWhichOneIsKilled_LoseNoRequest()
    {
        RequireModel(Package);

        var run = await RunAsync("Replicas");

        Assert.Equal(0, run.ExitCode);
        var cached = Regex.Matches(run.Output, @"affinity (\d+) of (\d+) tokens").Select(match => double.Parse(
            match.Groups[1].Value, CultureInfo.InvariantCulture)
            / double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(2, cached.Count);
        Assert.InRange(cached[1], 0.7, 1);
        Assert.Matches(@"300 requests, a replica killed: \d+ answers are whole, \d+ had begun .* 0 lost\.", run.Output);
    }

    private static void RequireModel(string folder)
        => Assert.SkipUnless(
            Directory.Exists(Path.Combine(SharedAssets.Repository, folder)),
            $"'{folder}' is not there; train and export the device assistant.");

    private async Task<(int ExitCode, string Output, string Errors)> RunAsync(
        string sample,
        string input = "",
        params string[] arguments)
    {
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var binary = Path.Combine(SharedAssets.Repository, "artifacts", "bin", sample, configuration, $"{sample}.dll");
        var start = new ProcessStartInfo("dotnet", [binary, .. arguments])
        {
            WorkingDirectory = SharedAssets.Repository,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("OPENAI_API_KEY"); // a test asks no cloud
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var text = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        output.WriteLine(text + await errors);
        return (process.ExitCode, text, await errors);
    }

    // README shows a command behind a '$' and, below it, what the command prints.
    private static string Transcript(string command)
    {
        var readme = File.ReadAllText(Path.Combine(SharedAssets.Repository, "README.md"));
        return readme.Split($"$ {command}\n")[1].Split("```")[0].Trim();
    }
}
