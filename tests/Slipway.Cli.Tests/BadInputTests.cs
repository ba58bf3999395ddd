using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>What a person can get wrong ends with one sentence that says so, and nothing is left behind.</summary>
public sealed class BadInputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("slipway: 'min_p' is '3'; expected from 0 to 1.", "chat", "-m", "a", "--min-p", "3")]
    [InlineData("slipway: 'MaxOutputTokens' is '0'; expected 1 or more.", "chat", "-m", "a", "--max-tokens", "0")]
    [InlineData("slipway: 'repetition_penalty' is '0'; expected above 0.", "chat", "-m", "a", "--repetition-penalty",
        "0")]
    [InlineData("slipway: PresencePenalty is '1000'; expected from -100 to 100.", "generate", "-p", "a",
    "--presence-penalty", "1000")]
    [InlineData(
        "slipway: MaxOutputTokens is '-1'; expected at least 1, or null for no limit.", "generate", "-p", "a",
        "--max-tokens", "-1")]
    [InlineData("slipway: 'x' in --concurrency is no number of streams; expected a list such as 1,4,8.", "bench",
    "--concurrency", "x")]
    [InlineData("slipway: The file 'no.jinja' does not exist. Check the path.", "render", "-i", "-", "--template",
    "no.jinja")]
    [InlineData("slipway: 'soon' is no date; expected one such as '2025-07-10'.", "render", "-i", "-", "--now", "soon")]
    public async Task Verb_ValueThatCannotBe_SaysSoInOneSentence(string expected, string verb, params string[] options)
    {
        var package = SmallPackage.WritePackage(_folder);
        var run = await Tool.RunAsync("""{"messages": []}""", [verb, package, .. options]);
        Assert.Equal(1, run.Code);
        Assert.Equal(expected, run.Error.TrimEnd());
        Assert.Empty(run.Output);
    }

    [Theory]
    [InlineData("model.onnx.data")]
    [InlineData("model.onnx")]
    [InlineData("genai_config.json")]
    public async Task Verb_PackageWithATruncatedFile_NamesIt(string file)
    {
        var path = Path.Combine(SmallPackage.WritePackage(_folder), file);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..20]);
        foreach (var verb in new[] { ["generate", "-p", "a"], ["chat", "-m", "a"], new[] { "inspect" } })
        {
            var run = await Tool.RunAsync([verb[0], _folder["package"], .. verb[1..]]);
            Assert.Equal(1, run.Code);
            Assert.Contains(file, run.Error, StringComparison.Ordinal);
            Assert.Single(run.Error.TrimEnd().Split('\n'));
        }
    }

    [Theory]
    [InlineData("""{"a": 1}""", "slipway: '-' is not a JSON list of tools.")]
    [InlineData("""[{"description": "x"}]""", "slipway: Tool 1 of '-' has no name; expected an object with 'name'.")]
    [InlineData(
        """[{"name": "a", "parameters": 3}]""",
        "slipway: 'parameters' of tool 'a' in '-' is not an object; expected a JSON schema.")]
    public async Task Chat_ToolsOfAnotherForm_SaysWhich(string tools, string expected)
    {
        var run = await Tool.RunAsync(tools, ["chat", SmallPackage.WritePackage(_folder), "-m", "a", "--tools", "-"]);
        Assert.Equal((1, expected), (run.Code, run.Error.TrimEnd()));
    }

    [Theory]
    [InlineData("{", "slipway: The file 'tokenizer_config.json' of '")]
    [InlineData("""{"chat_template": 42}""", "has no chat template. Name a template file with --template.")]
    public async Task Render_TokenizerConfigOfAnotherForm_NamesIt(string config, string expected)
    {
        var source = _folder["source"];
        Directory.CreateDirectory(source);
        File.WriteAllText(Path.Combine(source, "tokenizer_config.json"), config);
        var run = await Tool.RunAsync("""{"messages": []}""", ["render", source, "-i", "-"]);
        Assert.Equal(1, run.Code);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Render_KeyThatComesTwice_IsRefused()
    {
        var run = await Tool.RunAsync(
            """{"messages": [], "messages": []}""", ["render", SmallPackage.WritePackage(_folder), "-i", "-"]);
        Assert.Equal(1, run.Code);
        Assert.StartsWith("slipway: '-' is not valid JSON: ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_FileWithoutIds_ListsWhatItHolds()
    {
        SafetensorsWriter.Write(_folder["in.safetensors"], [SafetensorsEntry.From("ids", [1L, 2L], 1, 2)]);
        var run = await Tool.RunAsync(
            "run", SmallPackage.WritePackage(_folder), "-i", _folder["in.safetensors"], "-o",
            _folder["out.safetensors"]);
        Assert.Equal(1, run.Code);
        Assert.Contains("holds no tensor 'input_ids' of integers [batch, sequence]; it holds 'ids I64 [1, 2]'.",
            run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["out.safetensors"]));
    }

    [Fact]
    public async Task Export_Cancelled_Returns130AndLeavesNothing()
    {
        var source = SmallPackage.WriteCheckpoint(_folder);
        var before = Directory.GetFileSystemEntries(_folder.Path);
        using StringWriter output = new(), error = new();
        var code = await CommandLine.RunAsync(
            ["export", source, "-o", _folder["out"]], output, error, TextReader.Null,
            new CancellationToken(canceled: true));
        Assert.Equal((130, "slipway: interrupted."), (code, error.ToString().TrimEnd()));
        Assert.Equal(before, Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Chat_ConversationAsJson_IsOneDocument()
    {
        var run = await Tool.RunAsync(
            "One\nTwo\n", ["chat", SmallPackage.WritePackage(_folder), "--max-tokens", "2", "--json"]);
        var answers = run.Json.AsArray();
        Assert.Equal([2, 2], answers.Select(answer => (int)answer!["usage"]!["output_tokens"]!));
    }

    [Fact]
    public async Task EvalPerplexity_WindowUntold_FitsTheContext()
    {
        File.WriteAllText(_folder["text.txt"], string.Concat(Enumerable.Repeat("Some text to predict. ", 20)));
        var run = await Tool.RunAsync(
            "eval", "perplexity", SmallPackage.WritePackage(_folder), "--text", _folder["text.txt"], "--json");
        Assert.Equal(128, (int)run.Json["window"]!);
    }
}
