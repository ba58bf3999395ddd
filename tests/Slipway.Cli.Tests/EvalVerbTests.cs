using Slipway.Testing;

namespace Slipway.Cli.Tests;

public sealed class EvalVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Package => SharedAssets.Path("genai-packages", "qwen3-fp32");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Task_ChoicesTwice_ScoresAndGoesOnWithTheAnswers()
    {
        var path = Write(
            "choices.jsonl", """{"context": "a fox", "options": [" runs", " is"], "answer": 0}""");
        string[] arguments =
            ["eval", "task", Package, "--task", $"multiple-choice={path}", "-o", _folder["out"], "--json"];
        var first = (await Tool.RunAsync(arguments)).Json;
        var task = first["tasks"]![0]!;
        Assert.Equal(("choices", 1, 0), ((string?)task["task"], (int)task["items"]!, (int)task["resumed"]!));
        Assert.Equal("wilson", (string?)task["scores"]!["accuracy"]!["interval"]);
        Assert.Equal("qwen3-fp32", (string?)first["model"]!["model"]);
        Assert.Equal(1, (int)(await Tool.RunAsync(arguments)).Json["tasks"]![0]!["resumed"]!);
        var table = await Tool.RunAsync("eval", "task", Package, "--task", $"multiple-choice={path}");
        Assert.Contains("accuracy_normalized", table.Output, StringComparison.Ordinal);
    }

    /// <summary>What is written is read by the tasks, and the model prefers what it would say itself.</summary>
    [Fact]
    public async Task Tools_Write_GivesTasksAndText()
    {
        var package = Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4");
        var corpus = Path.Combine(SharedAssets.Repository, "export-scripts", "device-assistant.grammar.json");
        string[] write =
            ["eval", "tools", package, "--corpus", corpus, "--count", "12", "--write", _folder["held-out"]];
        Assert.Equal(0, (await Tool.RunAsync(write)).Code);

        var tasks = (await Tool.RunAsync(
            "eval", "task", package, "--task", $"multiple-choice={_folder["held-out/choices.jsonl"]}", "--task",
            $"tool-calls={_folder["held-out/tool-calls.jsonl"]}", "--json")).Json["tasks"]!;
        Assert.Equal((12, 12), ((int)tasks[0]!["items"]!, (int)tasks[1]!["items"]!));
        Assert.True((double)tasks[0]!["scores"]!["accuracy"]!["value"]! > 0.7);
        Assert.True((double)tasks[1]!["scores"]!["exact"]!["value"]! > 0.7);
        var text = await File.ReadAllTextAsync(_folder["held-out/text.txt"], TestContext.Current.CancellationToken);
        Assert.Contains("<|assistant|>", text, StringComparison.Ordinal);

        var alone = await Tool.RunAsync([.. write, "--unguided"]);
        Assert.Equal(
            (1, "slipway: '--unguided' is for scores, which --write does without. Leave it out.\n"),
            (alone.Code, alone.Error));
    }

    [Theory]
    [InlineData("{\"question\": \"x\"}", "reasoning=", "line 1: 'answer' is missing; expected a text")]
    [InlineData("{", "reasoning=", "line 1: The JSON is not valid")]
    [InlineData("{}", "sums=", "'sums' is no kind of task; expected one of multiple-choice, ")]
    [InlineData("{}", "", "in --task is no task; expected KIND=FILE, such as multiple-choice=arc.jsonl.")]
    public async Task Task_BrokenFile_IsOneLine(string text, string kind, string words)
    {
        var run = await Tool.RunAsync("eval", "task", Package, "--task", $"{kind}{Write("a.jsonl", text)}");
        Assert.Equal(1, run.Code);
        Assert.StartsWith("slipway: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(words, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Divergence_OfItself_IsNone()
    {
        var text = Write("text.txt", string.Concat(Enumerable.Range(0, 40).Select(i => $"{i * 7919} foxes. ")));
        var report = (await Tool.RunAsync(
            "eval", "divergence", Package, "--reference", Package, "--text", text, "--windows", "2", "--json")).Json;
        Assert.Equal("qwen3-fp32", (string?)report["model"]!["model"]);
        Assert.Equal(0, (double)report["kl_divergence"]!["value"]!, 1e-9);
        Assert.Equal(1, (double)report["top_agreement"]!["value"]!);
    }

    [Fact]
    public async Task Perplexity_WithAFolder_KeepsItsWindowsAndTheirModel()
    {
        var text = Write("text.txt", string.Concat(Enumerable.Range(0, 40).Select(i => $"{i * 7919} foxes. ")));
        string[] arguments =
            ["eval", "perplexity", Package, "--text", text, "--window", "32", "--windows", "2", "-o", _folder["out"],
                "--json"];
        var first = (await Tool.RunAsync(arguments)).Json;
        var lines = await File.ReadAllLinesAsync(
            Path.Combine(_folder["out"], "text.results.jsonl"), TestContext.Current.CancellationToken);
        Assert.Equal(3, lines.Length);
        var hash = (string)first["model"]!["model_sha256"]!;
        Assert.Contains(hash, lines[0], StringComparison.Ordinal);
        Assert.Equal((double)first["perplexity"]!, (double)(await Tool.RunAsync(arguments)).Json["perplexity"]!);
        var run = await Tool.RunAsync([.. arguments[..^1], "--stride", "5"]);
        Assert.Equal(1, run.Code);
        Assert.Contains("what differs is 'stride'.", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Compare_Packages_WritesTableJsonAndOnePage()
    {
        var text = Write("text.txt", string.Concat(Enumerable.Range(0, 40).Select(i => $"{i * 7919} foxes. ")));
        var run = await Tool.RunAsync(
            "eval", "compare", Package, SharedAssets.Path("genai-packages", "llama-int4"), "--text", text, "--window",
            "32", "--windows", "2", "--rounds", "0", "-o", _folder["report"]);
        Assert.Equal(0, run.Code);
        Assert.Contains("perplexity", run.Output, StringComparison.Ordinal);
        Assert.Contains("llama-int4", run.Output.Split('\n')[1], StringComparison.Ordinal);
        var page = await File.ReadAllTextAsync(
            Path.Combine(_folder["report"], "report.html"), TestContext.Current.CancellationToken);
        Assert.Contains("data:image/svg+xml;base64,", page, StringComparison.Ordinal);
        Assert.DoesNotContain("http", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.Contains("\"perplexity\"", await File.ReadAllTextAsync(
            Path.Combine(_folder["report"], "report.json"), TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        File.WriteAllText(_folder[name], text);
        return _folder[name];
    }
}
