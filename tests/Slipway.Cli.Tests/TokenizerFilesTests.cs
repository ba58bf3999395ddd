using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Tokenization;

namespace Slipway.Cli.Tests;

/// <summary>Holds what the files beside a tokenizer say to what export, chat and render make of it.</summary>
public sealed class TokenizerFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("plus")]
    [InlineData("with")]
    [InlineData("format")]
    [InlineData("repeat")]
    [InlineData("bigint")]
    [InlineData("items")]
    public async Task Render_ReportedTemplate_WritesWhatJinjaWrites(string name)
    {
        var folder = SharedAssets.Path("reported", "jinja-gaps");
        var expected = JsonNode.Parse(await File.ReadAllTextAsync(
            Path.Combine(folder, "expected.json"), TestContext.Current.CancellationToken))!;

        var run = await Tool.RunAsync(
            "render", "--template", Path.Combine(folder, $"{name}.jinja"), "--input", Path.Combine(folder, "vars.json"),
            "--json");

        Assert.Equal((string?)expected[name], (string?)run.Json["text"]);
    }

    [Fact]
    public async Task Render_TokensInSpecialTokensMap_AreTheTemplates()
    {
        var folder = Copy(SharedAssets.Path("reported", "special-tokens-map"), "checkpoint");
        CopyFile(SharedAssets.Path("smollm2-135m-instruct", "tokenizer.json"), folder);
        var input = _folder["input.json"];
        await File.WriteAllTextAsync(
            input, """{"messages": [{"role": "user", "content": "x"}]}""", TestContext.Current.CancellationToken);

        var run = await Tool.RunAsync("render", folder, "--input", input, "--json");

        Assert.Equal("<|im_start|>|<|im_end|>|x", (string?)run.Json["text"]);
    }

    [Theory]
    [InlineData("m.gguf",
        "does not say how its tokenizer splits text ('tokenizer.ggml.pre' is missing), so the default")]
    [InlineData("m-default.gguf",
    "does not say how its tokenizer splits text ('tokenizer.ggml.pre' is 'default'), so the")]
    public async Task Export_GgufWithoutAWayOfSplitting_TakesTheDefaultAndWarns(string file, string warning)
    {
        var source = Path.Combine(_folder.Path, file);
        File.Copy(SharedAssets.Path("reported", "gguf-pre", file), source);

        var run = await Tool.RunAsync("export", source, "-o", _folder["package"], "--json");

        var told = Assert.Single(run.Json["warnings"]!.AsArray());
        Assert.Contains(warning, (string?)told, StringComparison.Ordinal);
        Assert.EndsWith(
            "Put the model's 'tokenizer.json' beside the file to split them right.", (string?)told,
            StringComparison.Ordinal);
        Assert.Equal($"slipway: warning: {told}", run.Error.TrimEnd());
        var tokenizer = HuggingFaceTokenizer.Load(_folder["package"]);
        Assert.Equal("a1b 23!", tokenizer.Decode(tokenizer.Encode("a1b 23!", false), false));
        Assert.Equal(0, (await Tool.RunAsync("generate", _folder["package"], "-p", "a", "--max-tokens", "2")).Code);
    }

    [Fact]
    public async Task Export_GgufWithTokenizerBesideIt_TakesThatAndWarnsOfNothing()
    {
        var source = Path.Combine(_folder.Path, "m.gguf");
        File.Copy(SharedAssets.Path("reported", "gguf-pre", "m.gguf"), source);
        var own = new Tokenization.Training.BpeTrainer(new() { VocabularySize = 256 }).Train(["text"]);
        await File.WriteAllBytesAsync(_folder["tokenizer.json"], own, TestContext.Current.CancellationToken);

        var run = await Tool.RunAsync("export", source, "-o", _folder["package"], "--json");

        Assert.Empty(run.Json["warnings"]!.AsArray());
        Assert.Empty(run.Error);
        Assert.Equal(own, await File.ReadAllBytesAsync(
            Path.Combine(_folder["package"], "tokenizer.json"), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(false, "special_tokens_map.json")]
    [InlineData(true, null)]
    public async Task Chat_TokenizersOwnEndToken_EndsTheAnswer(bool madeElsewhere, string? movedTo)
    {
        var checkpoint = WriteModelThatSaysHi(movedTo);
        var package = _folder["package"];
        Assert.Equal(0, (await Tool.RunAsync("export", checkpoint, "-o", package)).Code);
        var config = Path.Combine(package, "genai_config.json");
        var json = JsonNode.Parse(await File.ReadAllTextAsync(config, TestContext.Current.CancellationToken))!;
        Assert.Equal([0, 2], json["model"]!["eos_token_id"]!.AsArray().Select(id => (int)id!));
        if (madeElsewhere)
        {
            File.Delete(Path.Combine(package, "slipway.json"));
            json["model"]!["eos_token_id"] = 0;
            await File.WriteAllTextAsync(config, json.ToJsonString(), TestContext.Current.CancellationToken);
        }

        var answer = (await Tool.RunAsync("chat", package, "-m", "say hi", "--max-tokens", "8", "--json")).Json;

        Assert.Equal("hi", (string?)answer["text"]);
        Assert.Equal("stop", (string?)answer["finish_reason"]);
    }

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("vocab.txt")]
    [InlineData("vocab.json")]
    [InlineData("x.tiktoken")]
    public async Task Tokenize_FolderOrFileOfAnyForm_GivesTheIds(string name)
    {
        WriteTokenizer(name);
        await File.WriteAllTextAsync(
            _folder["texts.json"], """["ab a"]""", TestContext.Current.CancellationToken);

        var folder = await Tool.RunAsync(
            "tokenize", _folder["t"], "-i", _folder["texts.json"], "--no-special", "--json");
        var file = await Tool.RunAsync(
            "tokenize", Path.Combine(_folder["t"], name), "-i", _folder["texts.json"], "--no-special", "--json");

        Assert.Equal("ab a", (string?)folder.Json[0]!["decoded"]);
        Assert.Equal(folder.Output, file.Output);
        Assert.Equal(name is "vocab.json" or "x.tiktoken", folder.Error.StartsWith(
            "slipway: warning: The file", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("tokenizers/spm-bpe-bytefallback", "expected-sentencepiece.json")]
    [InlineData("tokenizers/spm-unigram", "expected-sentencepiece.json")]
    [InlineData("tokenizers/llama2", "expected.json")]
    [InlineData("tokenizers/minilm-wordpiece", "expected.json")]
    [InlineData("tokenizers/unigram-json", "expected.json")]
    [InlineData("tokenizers/qwen3", "expected.json")]
    public async Task Tokenize_AssetsOfEveryForm_GiveTheReferenceIds(string folder, string expected)
    {
        var source = SharedAssets.Path(folder.Split('/'));
        var cases = JsonNode.Parse(await File.ReadAllBytesAsync(
            Path.Combine(source, expected), TestContext.Current.CancellationToken))!["cases"]!.AsArray();

        // SentencePiece spells the name of a special token, which a tokenizer for models recognises.
        var isSentencePiece = expected.Contains("sentencepiece", StringComparison.Ordinal);
        JsonNode[] plain = [.. cases.OfType<JsonNode>().Where(item => !isSentencePiece
            || !((string[])["<unk>", "<s>", "</s>"]).Any(((string)item["text"]!).Contains))];
        await File.WriteAllTextAsync(
            _folder["texts.json"], new JsonArray([.. plain.Select(item => item["text"]!.DeepClone())]).ToJsonString(),
            TestContext.Current.CancellationToken);

        var run = await Tool.RunAsync(
            "tokenize", source, "-i", _folder["texts.json"], "--no-special", "--json");

        Assert.Equal(
            plain.Select(item => item["ids"]!.ToJsonString()),
            run.Json.AsArray().Select(item => item!["ids"]!.ToJsonString()));
        Assert.Empty(run.Error);
    }

    [Fact]
    public async Task Tokenize_GgufAndItsFolder_GiveTheIdsOfItsTokenizer()
    {
        var file = SharedAssets.Path("smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf");
        Directory.CreateDirectory(_folder["g"]);
        File.CreateSymbolicLink(Path.Combine(_folder["g"], "m.gguf"), file);
        await File.WriteAllTextAsync(
            _folder["texts.json"], """["Hello 123 wörld"]""", TestContext.Current.CancellationToken);
        async Task<string> Ids(string source) => (await Tool.RunAsync(
            "tokenize", source, "-i", _folder["texts.json"], "--json")).Json[0]!["ids"]!.ToJsonString();

        var ids = await Ids(Path.GetDirectoryName(file)!);

        Assert.Equal(ids, await Ids(_folder["g"]));
        Assert.Equal(ids, await Ids(Path.Combine(_folder["g"], "m.gguf")));
    }

    [Fact]
    public async Task Tokenize_FolderWithoutATokenizer_NamesTheFilesThatItWouldTake()
    {
        Directory.CreateDirectory(_folder["empty"]);
        await File.WriteAllTextAsync(_folder["texts.json"], "[]", TestContext.Current.CancellationToken);

        var run = await Tool.RunAsync("tokenize", _folder["empty"], "-i", _folder["texts.json"]);

        Assert.Equal(
            $"slipway: '{_folder["empty"]}' has no tokenizer. Name a package, a checkpoint or a GGUF file that has "
            + "one, or a folder or file of these: 'tokenizer.json', 'tekken.json', 'tokenizer.model', 'spiece.model', "
            + "'sentencepiece.bpe.model', 'tiktoken.model', '*.tiktoken', 'merges.txt', 'vocab.txt'.",
            run.Error.TrimEnd());
        Assert.NotEqual(0, run.Code);
    }

    [Theory]
    [InlineData("t", null, "d1")]
    [InlineData("t/vocab.txt", null, "d1")]
    [InlineData("t", "rag", "r1")]
    [InlineData("t", "none", null)]
    public async Task Render_TokenizersFolderOrFile_TakesTheTemplateOfTheName(
        string source, string? name, string? expected)
    {
        WriteTokenizer("vocab.txt");
        await File.WriteAllTextAsync(
            Path.Combine(_folder["t"], "tokenizer_config.json"),
            """{"chat_template": [{"name": "default", "template": "d{{ n }}"}, {"name": "rag", "template": "r{{ n }}"}]}""",
            TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(_folder["input.json"], """{"n": 1}""", TestContext.Current.CancellationToken);

        var run = await Tool.RunAsync([
            "render", _folder[source], "-i", _folder["input.json"], .. name is null ? Array.Empty<string>()
                : ["--template-name", name]]);

        Assert.Equal(expected, run.Code == 0 ? run.Output.TrimEnd() : null);
        Assert.Equal(
            expected is null ? $"slipway: '{_folder[source]}' has no chat template 'none'. Name a template file with "
                + "--template." : string.Empty, run.Error.TrimEnd());
    }

    [Fact]
    public async Task Export_NamedTemplates_GoIntoThePackage()
    {
        var source = SmallPackage.WriteCheckpoint(_folder);
        Directory.CreateDirectory(Path.Combine(source, "additional_chat_templates"));
        await File.WriteAllTextAsync(
            Path.Combine(source, "additional_chat_templates", "rag.jinja"), "r", TestContext.Current.CancellationToken);

        Assert.Equal(0, (await Tool.RunAsync("export", source, "-o", _folder["p"])).Code);

        Assert.Equal("r", await File.ReadAllTextAsync(
            Path.Combine(_folder["p"], "additional_chat_templates", "rag.jinja"),
            TestContext.Current.CancellationToken));
    }

    private void WriteTokenizer(string name)
    {
        Directory.CreateDirectory(_folder["t"]);
        var path = Path.Combine(_folder["t"], name);
        switch (name)
        {
            case "vocab.txt":
                File.WriteAllText(path, "[UNK]\n[CLS]\n[SEP]\nab\na\n");
                File.WriteAllText(Path.Combine(_folder["t"], "special_tokens_map.json"), """{"unk_token": "[UNK]"}""");
                break;
            case "vocab.json":
                File.WriteAllText(path, """{"a": 0, "b": 1, "ab": 2, "Ġ": 3}""");
                File.WriteAllText(Path.Combine(_folder["t"], "merges.txt"), "a b\n");
                break;
            case "x.tiktoken":
                File.WriteAllLines(path, Enumerable.Range(0, 256).Select(
                    value => $"{Convert.ToBase64String([(byte)value])} {value}"));
                break;
            default:
                File.WriteAllBytes(
                    path, new Tokenization.Training.BpeTrainer(new() { VocabularySize = 256 }).Train(["text"]));
                break;
        }
    }

    // Layers of zeros leave a token's embedding as it is, so that the tied head's products name the next token:
    // a line feed (1, 0) calls for 'hi' (2, 1), and that for the end of the turn (0, 10).
    private string WriteModelThatSaysHi(string? movedTo)
    {
        var folder = Copy(SharedAssets.Path("reported", "tokenizer-eos"), "checkpoint");
        CopyFile(SharedAssets.Path("smollm2-135m-instruct", "tokenizer.json"), folder);
        var tokenizer = HuggingFaceTokenizer.Load(folder);
        const int hidden = 64, inner = 96, vocabulary = 49152;
        var embedding = new float[vocabulary * hidden];
        void Set(string token, float first, float second)
        {
            var row = tokenizer.TokenToId(token)!.Value * hidden;
            (embedding[row], embedding[row + 1]) = (first, second);
        }

        Set("Ċ", 1, 0);
        Set("hi", 2, 1);
        Set("<|im_end|>", 0, 10);
        List<SafetensorsEntry> tensors =
        [
            SafetensorsEntry.From("model.embed_tokens.weight", embedding, vocabulary, hidden),
            SafetensorsEntry.From("model.norm.weight", Filled(1, hidden), hidden),
        ];
        for (var layer = 0; layer < 3; layer++)
        {
            foreach (var (name, rows, columns) in new[]
            {
                ("self_attn.q_proj", hidden, hidden), ("self_attn.k_proj", hidden / 2, hidden),
                ("self_attn.v_proj", hidden / 2, hidden), ("self_attn.o_proj", hidden, hidden),
                ("mlp.gate_proj", inner, hidden), ("mlp.up_proj", inner, hidden), ("mlp.down_proj", hidden, inner),
            })
            {
                tensors.Add(SafetensorsEntry.From(
                    $"model.layers.{layer}.{name}.weight", Filled(0, rows * columns), rows, columns));
            }

            foreach (var norm in new[] { "input_layernorm", "post_attention_layernorm" })
            {
                tensors.Add(SafetensorsEntry.From($"model.layers.{layer}.{norm}.weight", Filled(1, hidden), hidden));
            }
        }

        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors);
        if (movedTo is not null)
        {
            var path = Path.Combine(folder, "tokenizer_config.json");
            var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
            config.Remove("eos_token", out var end);
            File.WriteAllText(path, config.ToJsonString());
            File.WriteAllText(Path.Combine(folder, movedTo), new JsonObject { ["eos_token"] = end }.ToJsonString());
        }

        return folder;
    }

    private static float[] Filled(float value, int count)
    {
        var values = new float[count];
        values.AsSpan().Fill(value);
        return values;
    }

    private string Copy(string source, string name)
    {
        Directory.CreateDirectory(_folder[name]);
        foreach (var file in Directory.EnumerateFiles(source))
        {
            CopyFile(file, _folder[name]);
        }

        return _folder[name];
    }

    // The assets are read-only, and a copy would be too.
    private static void CopyFile(string file, string folder) =>
        File.WriteAllBytes(Path.Combine(folder, Path.GetFileName(file)), File.ReadAllBytes(file));
}
