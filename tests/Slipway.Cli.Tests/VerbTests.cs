using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

public sealed class VerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Help_OfEachVerb_ShowsAnExample()
    {
        foreach (var verb in new[]
        {
            ["train"], ["export"], ["inspect"], ["run"], ["generate"], ["chat"], ["embed"],
            ["rerank"], ["classify"], ["tokenize"], ["render"],
            ["eval", "perplexity"], ["eval", "divergence"], ["eval", "tools"], ["eval", "task"], ["eval", "compare"],
            ["bench", "guidance"], ["bench", "serving"],
            new[] { "bench" },
        })
        {
            var run = await Tool.RunAsync([.. verb, "--help"]);
            Assert.Equal(0, run.Code);
            Assert.Contains($"Example: slipway {string.Join(' ', verb)} ", run.Output.ReplaceLineEndings(" "),
                StringComparison.Ordinal);
            Assert.Contains("--json", run.Output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("paint")]
    [InlineData("export", "here")]
    [InlineData("export", "here", "-o", "there", "--precision", "fp7")]
    [InlineData("export", "here", "-o", "there", "--kv-cache", "int3")]
    [InlineData("generate", "package")]
    [InlineData("generate", "package", "-p", "a", "--input-ids", "1")]
    [InlineData("bench", "package", "--new-tokens", "many")]
    public async Task Run_WrongUsage_Returns2AndSaysWhy(params string[] arguments)
    {
        var run = await Tool.RunAsync(arguments);
        Assert.Equal(2, run.Code);
        Assert.NotEmpty(run.Error);
    }

    [Fact]
    public async Task Export_Recipe_SaysWhatWasChosenForWhich()
    {
        var run = await Tool.RunAsync(
            "export", SharedAssets.Path("tiny", "llama"), "-o", _folder["out"], "--precision", "int4", "--method",
            "search", "--recipe", "layers.0.mlp.down_proj=int8");

        Assert.Equal(0, run.Code);
        Assert.Contains(
            "quantized by 'search' in blocks of 32, but for 'int8:search/32' for "
            + "'model.layers.0.mlp.down_proj.weight', by the recipe or by what",
            run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_TableOfValues_SaysThatItIsSlow()
    {
        var run = await Tool.RunAsync(
            "export", SharedAssets.Path("tiny", "llama"), "-o", _folder["out"], "--precision", "int4", "--method",
            "nf4", "--rotate");

        Assert.Equal(0, run.Code);
        Assert.Contains(
            "ONNX Runtime writes weights of 'nf4' out as floats at each step: on CPU, decoding takes over ten times as "
            + "long as by 'gptq'",
            run.Output, StringComparison.Ordinal);
    }

    /// <summary>No option is left out without a word.</summary>
    [Theory]
    [InlineData("the precision is 'fp16'", "--precision", "fp16", "--method", "gptq")]
    [InlineData("the precision is 'fp32'", "--block-size", "128")]
    [InlineData("the method 'search' reads none", "--precision", "int8", "--calibration", "text")]
    [InlineData("rules before it fit all", "--precision", "int4", "--method", "rtn", "--recipe", "lm_head=int8",
        "--recipe", "lm_head=fp16")]
    [InlineData("tunes the scales", "--precision", "fp16", "--tune")]
    public async Task Export_OptionsThatDecideNothing_AreRefused(string words, params string[] options)
    {
        var text = _folder["text.txt"];
        await File.WriteAllTextAsync(text, "A text.", TestContext.Current.CancellationToken);
        var run = await Tool.RunAsync(
        [
            "export", SmallPackage.WriteCheckpoint(_folder), "-o", _folder["out"],
            .. options.Select(option => option == "text" ? text : option),
        ]);

        Assert.Equal(1, run.Code);
        Assert.Contains(words, run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Theory]
    [InlineData("The file 'nowhere' does not exist.", "export", "nowhere", "-o", "out")]
    [InlineData("The file 'nowhere' does not exist.", "inspect", "nowhere")]
    [InlineData("nowhere", "generate", "nowhere", "-p", "a")]
    [InlineData("nowhere", "chat", "nowhere", "-m", "a")]
    [InlineData("nowhere", "train", "nowhere.json")]
    [InlineData("nowhere", "bench", "nowhere")]
    [InlineData("The file 'no.json' does not exist.", "tokenize", "nowhere", "-i", "no.json")]
    public async Task Run_FileThatIsMissing_Returns1AndOneLine(string words, params string[] arguments)
    {
        var run = await Tool.RunAsync(arguments);
        Assert.Equal(1, run.Code);
        Assert.StartsWith("slipway: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(words, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Export_Checkpoint_TellsFilesAndFigures()
    {
        var source = SmallPackage.WriteCheckpoint(_folder);
        var report = (await Tool.RunAsync(
            "export", source, "-o", _folder["out"], "--precision", "int4", "--json")).Json;
        Assert.Equal("int4", (string?)report["precision"]);
        Assert.Equal("LlamaForCausalLM", (string?)report["architecture"]);
        Assert.Contains(report["files"]!.AsArray(), file => (string?)file!["name"] == "model.onnx.data");
        Assert.True((long)report["bytes"]! > 0 && (long)report["peak_memory_bytes"]! > 0
            && (double)report["seconds"]! > 0);
        Assert.Empty(report["unused_tensors"]!.AsArray());

        var again = await Tool.RunAsync("export", source, "-o", _folder["out"]);
        Assert.Equal(1, again.Code);
        Assert.Equal(
            $"slipway: The folder '{_folder["out"]}' exists and stays as it is. Choose another one, or have the "
            + "package in it replaced ('--overwrite', the option Overwrite).\n", again.Error);
        Assert.Equal(0, (await Tool.RunAsync("export", source, "-o", _folder["out"], "--overwrite")).Code);
    }

    [Fact]
    public async Task Export_KeyValueCache_IsMeasuredOverTheTextOrTheModelsOwn()
    {
        string source = SmallPackage.WriteCheckpoint(_folder), text = _folder["text.txt"];
        var missing = await Tool.RunAsync(
            "export", source, "-o", _folder["out"], "--kv-cache", "int8", "--calibration", text);
        Assert.Equal(1, missing.Code);
        Assert.Contains("text.txt", missing.Error, StringComparison.Ordinal);
        await File.WriteAllTextAsync(
            text, string.Concat(Enumerable.Repeat("Keys and values. ", 20)), TestContext.Current.CancellationToken);
        foreach (var more in new[] { [], new[] { "--calibration", text } })
        {
            var run = await Tool.RunAsync(
                ["export", source, "-o", _folder["out"], "--kv-cache", "int8", "--overwrite", .. more]);
            Assert.Equal(0, run.Code);
            Assert.Equal(
                "int8", (string?)(await Tool.RunAsync("inspect", _folder["out"], "--json")).Json["key_value_cache"]);
            Assert.Equal(0, (await Tool.RunAsync("generate", _folder["out"], "-p", "a", "--max-tokens", "3")).Code);
        }
    }

    [Fact]
    public async Task Inspect_CheckpointPackageAndGraph_TellsWhatTheyHold()
    {
        var package = SmallPackage.WritePackage(_folder);
        var checkpoint = (await Tool.RunAsync("inspect", _folder["checkpoint"], "--json")).Json;
        Assert.Equal(("checkpoint", "safetensors"), ((string?)checkpoint["kind"], (string?)checkpoint["format"]));
        Assert.Contains(
            "model.norm.weight BF16 [64]", checkpoint["tensors"]!.AsArray().Select(tensor => (string?)tensor));

        var whole = (await Tool.RunAsync("inspect", package, "--json")).Json;
        Assert.Equal(
            ("package", "fp32", 3), ((string?)whole["kind"], (string?)whole["precision"], (int)whole["layers"]!));
        Assert.Equal(3, (int)whole["graph"]!["nodes"]!["GroupQueryAttention"]!);

        var graph = (await Tool.RunAsync("inspect", Path.Combine(package, "model.onnx"), "--json")).Json;
        Assert.Contains(
            "input_ids Int64 [batch, sequence]", graph["graph"]!["inputs"]!.AsArray().Select(port => (string?)port));
        Assert.Contains("precision: fp32", (await Tool.RunAsync("inspect", package)).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "described in the system message", "hermes", null)]
    [InlineData(
        "{{ tools }}{% for c in m.tool_calls %}[TOOL_CALLS]{{ c.function.name }}[ARGS]"
        + "{{ c.function.arguments | tojson }}{% endfor %}{# [THINK] [/THINK] #}",
        "by the chat template", "mistral-args", "think-brackets")]
    public async Task Inspect_Package_NamesTheFormatsOfItsTemplate(
        string template, string tools, string calls, string? reasoning)
    {
        SmallPackage.WriteCheckpoint(_folder);
        File.WriteAllText(
            Path.Combine(_folder["checkpoint"], "chat_template.jinja"),
            $"{{% for m in messages %}}<|{{{{ m.role }}}}|>{{{{ m.content }}}}{template}{{% endfor %}}");
        await Tool.RunAsync("export", _folder["checkpoint"], "-o", _folder["chatting"]);
        var chat = (await Tool.RunAsync("inspect", _folder["chatting"], "--json")).Json["chat"]!;
        Assert.Equal((tools, calls, reasoning), (
            (string?)chat["tools"], (string?)chat["tool_call_format"], (string?)chat["reasoning_format"]));
    }

    [Fact]
    public async Task Inspect_AlteredPackage_NamesTheFile()
    {
        var package = SmallPackage.WritePackage(_folder);
        File.AppendAllText(Path.Combine(package, "tokenizer.json"), " ");
        var run = await Tool.RunAsync("inspect", package);
        Assert.Equal(1, run.Code);
        Assert.Contains("tokenizer.json", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_TokenIds_WritesTheReferenceLogits()
    {
        var package = SmallPackage.WritePackage(_folder);
        using var expected = Checkpoint.Open(Path.Combine(SharedAssets.Path("tiny", "llama"), "expected.safetensors"));
        float[] ids = new float[7], reference = new float[7 * 256], logits = new float[7 * 256];
        expected.ReadFloats("input_ids_7", 0, ids);
        expected.ReadFloats("logits_7", 0, reference);
        long[] tokens = [.. ids.Select(id => (long)id)];
        SafetensorsWriter.Write(_folder["in.safetensors"], [SafetensorsEntry.From("input_ids", tokens, 1, 7)]);

        var report = (await Tool.RunAsync(
            "run", package, "--input", _folder["in.safetensors"], "--output", _folder["out.safetensors"],
            "--json")).Json;

        Assert.Equal([1, 7, 256], report["outputs"]!["logits"]!.AsArray().Select(size => (int)size!));
        using var written = Checkpoint.Open(_folder["out.safetensors"]);
        written.ReadFloats("logits", 0, logits);
        Assert.InRange(logits.Zip(reference, (x, y) => Math.Abs(x - y)).Max(), 0, 1e-4f);
    }

    [Fact]
    public async Task Generate_TokenIds_GivesTheReferenceTokens()
    {
        var package = SmallPackage.WritePackage(_folder);
        using var expected = Checkpoint.Open(Path.Combine(SharedAssets.Path("tiny", "llama"), "expected.safetensors"));
        float[] ids = new float[7], greedy = new float[12];
        expected.ReadFloats("input_ids_7", 0, ids);
        expected.ReadFloats("greedy_7", 0, greedy);

        var report = (await Tool.RunAsync(
            "generate", package, "--input-ids", string.Join(',', ids), "--max-tokens", "12", "--ignore-eos",
            "--json")).Json;

        Assert.Equal(greedy, report["ids"]!.AsArray().Select(id => (float)(int)id!));
        Assert.Equal("length", (string?)report["finish_reason"]);
        Assert.Equal((7, 12), ((int)report["usage"]!["prompt_tokens"]!, (int)report["usage"]!["output_tokens"]!));
    }

    [Theory]
    [InlineData("--input-ids", "1,two", "'two' in --input-ids is no token id")]
    [InlineData("--input-ids", "1,9999", "9999")]
    [InlineData("--prompt", "", "prompt")]
    public async Task Generate_PromptOfNoUse_SaysWhy(string option, string value, string words)
    {
        var run = await Tool.RunAsync("generate", SmallPackage.WritePackage(_folder), option, value);
        Assert.Equal(1, run.Code);
        Assert.Contains(words, run.Error, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Generate_PromptLongerThanTheContext_SaysBothLengths()
    {
        var run = await Tool.RunAsync(
            "generate", SmallPackage.WritePackage(_folder), "--input-ids", string.Join(',', Enumerable.Repeat(5, 200)));
        Assert.Equal(1, run.Code);
        Assert.Contains("200", run.Error, StringComparison.Ordinal);
        Assert.Contains("128", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chat_OneMessageAndConversation_Answer()
    {
        var package = SmallPackage.WritePackage(_folder);
        var one = (await Tool.RunAsync("chat", package, "-m", "Hello", "--max-tokens", "4", "--json")).Json;
        Assert.Equal(4, (int)one["usage"]!["output_tokens"]!);

        var talk = await Tool.RunAsync("Hello\nAnd now?\n\n", ["chat", package, "--max-tokens", "4"]);
        Assert.Equal(0, talk.Code);
        Assert.True(talk.Output.Split('\n').Length >= 3);
    }

    [Fact]
    public async Task Tokenize_Texts_GivesIdsAndTextsBack()
    {
        var package = SmallPackage.WritePackage(_folder);
        File.WriteAllText(_folder["texts.json"], """["Grüße 👋", ""]""");
        var list = (await Tool.RunAsync("tokenize", package, "-i", _folder["texts.json"], "--json")).Json;
        Assert.Equal("Grüße 👋", (string?)list[0]!["decoded"]);
        Assert.Empty(list[1]!["ids"]!.AsArray());

        var wrong = await Tool.RunAsync("{}", ["tokenize", package, "-i", "-"]);
        Assert.Equal(1, wrong.Code);
        Assert.Contains("is not a JSON list of strings", wrong.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Render_Conversation_UsesThePackagesOrTheGivenTemplate()
    {
        var package = SmallPackage.WritePackage(_folder);
        const string input = """{"messages": [{"role": "user", "content": "Hi"}]}""";
        var own = await Tool.RunAsync(input, ["render", package, "-i", "-", "--json"]);
        Assert.Equal("<|user|>Hi", (string?)own.Json["text"]);

        File.WriteAllText(_folder["t.jinja"], "{{ messages | length }} {{ strftime_now('%Y') }}");
        var given = await Tool.RunAsync(
            input, ["render", "--template", _folder["t.jinja"], "-i", "-", "--now", "2025-07-10"]);
        Assert.Equal("1 2025", given.Output.TrimEnd());

        File.WriteAllText(_folder["t.jinja"], "{% if %}");
        Assert.Equal(1, (await Tool.RunAsync(input, ["render", "--template", _folder["t.jinja"], "-i", "-"])).Code);
    }

    [Fact]
    public async Task EvalPerplexity_Text_GivesEachWindow()
    {
        var package = SmallPackage.WritePackage(_folder);
        File.WriteAllText(_folder["text.txt"], string.Concat(Enumerable.Repeat("Some text to predict. ", 20)));
        var report = (await Tool.RunAsync(
            "eval", "perplexity", package, "--text", _folder["text.txt"], "--window", "64", "--windows", "3",
            "--json")).Json;
        double[] windows = [.. report["nll_per_window"]!.AsArray().Select(nll => (double)nll!)];
        Assert.Equal(3, windows.Length);
        Assert.Equal(Math.Exp(windows.Average()), (double)report["perplexity"]!, 1e-6);
    }

    [Fact]
    public async Task Bench_Package_ComparesWithThePlainLoop()
    {
        var package = SmallPackage.WritePackage(_folder);
        var report = (await Tool.RunAsync(
            "bench", package, "--prompt-tokens", "16", "--new-tokens", "8", "--concurrency", "1,2", "--rounds", "1",
            "--json")).Json;
        Assert.Equal([1, 2], report["runs"]!.AsArray().Select(run => (int)run!["streams"]!));
        Assert.True((double)report["plain_loop"]!["decode_tokens_per_second"]! > 0);
        Assert.True((double)report["runs"]![0]!["decode_ratio"]! > 0);
    }

    [Fact]
    public async Task BenchServing_Package_TellsFiguresMemoryAndStartOfAnotherProcess()
    {
        var package = SmallPackage.WritePackage(_folder);
        var report = (await Tool.RunAsync(
            "bench", "serving", package, "--baseline", package, "--prompt-tokens", "12", "--new-tokens", "6",
            "--rounds", "1",
            "--long-prompt-tokens", "40", "--turn-tokens", "4", "--streams", "2", "--many-streams", "3",
                "--json")).Json;
        var figures = report["figures"]!.AsArray();
        Assert.Equal(11, figures.Count);
        var memory = figures.Single(figure => (string?)figure!["name"] == "peak memory, of what is allowed")!;
        Assert.True((double)memory["measured"]! > 10);
        Assert.True((double)figures.Single(figure => (string?)figure!["name"] == "load to first token")!["value"]! > 0);
    }
}
