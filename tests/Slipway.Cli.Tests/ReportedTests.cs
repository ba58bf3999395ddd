using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>What people brought, as they would: export, then run or embed.</summary>
public sealed class ReportedTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("tie-true-distinct-head", "model", "expected", "input_ids_24", "logits_24")]
    [InlineData("flat-keys", "model", "expected", "input_ids_24", "logits_24")]
    [InlineData("index-names-tied-head", "model", "expected", "input_ids_24", "logits_24")]
    [InlineData("index-names-tied-head", "model-mtp", "expected-mtp", "input_ids_24", "logits_24")]
    [InlineData("unneeded-tensors", "model", "expected", "input_ids_24", "logits_24")]
    [InlineData("lora-tied-head", "base", "expected", "input_ids", "logits_lora", "adapter-lora")]
    [InlineData("lora-tied-head", "base", "expected", "input_ids", "logits_saved", "adapter-saved")]
    [InlineData("lora-resized-vocabulary", "base", "expected", "input_ids", "logits", "adapter")]
    public async Task ExportAndRun_ReportedCheckpoint_WritesTheReferenceLogits(
        string name, string model, string expected, string ids, string logits, string? adapter = null)
    {
        var source = SharedAssets.Path("reported", name);
        string[] merge = adapter is null ? [] : ["--adapter", Path.Combine(source, adapter)];
        var export = await Tool.RunAsync(
            ["export", Path.Combine(source, model), "-o", _folder["package"], .. merge]);
        Assert.True(export.Code == 0, export.Error);

        using var reference = Checkpoint.Open(Path.Combine(source, $"{expected}.safetensors"));
        long[] tokens = [.. Read(reference, ids).Select(id => (long)id)];
        SafetensorsWriter.Write(
            _folder["in.safetensors"], [SafetensorsEntry.From("input_ids", tokens, 1, tokens.Length)]);
        var report = await RunAsync();
        Assert.Equal(
            [1, tokens.Length, reference.Tensors[logits].Shape[1]],
            report["outputs"]!["logits"]!.AsArray().Select(size => (long)size!));
        Compare(Read(reference, logits), "logits", $"{name} {adapter}", 1e-4f);
    }

    [Theory]
    [InlineData("pooling-mode-5.4", null)]
    [InlineData("default-prompt", "expected.safetensors")]
    [InlineData("dense-module", "expected.safetensors")]
    public async Task ExportAndEmbed_ReportedSentenceModel_WritesTheReferenceEmbeddings(string name, string? expected)
    {
        string source = CopySentenceModel(name), miniLm = SharedAssets.Path("all-minilm-l6-v2");
        var protocol = JsonNode.Parse(File.ReadAllText(Path.Combine(miniLm, "expected.json")))!;
        File.WriteAllText(_folder["texts.json"], protocol["sentences"]!.ToJsonString());
        await EmbedAsync(source);
        using var reference = Checkpoint.Open(expected is null
            ? Path.Combine(miniLm, "expected.safetensors")
            : SharedAssets.Path("reported", name, expected));
        Compare(Read(reference, "embeddings"), "embeddings", name, 1e-3f);
    }

    [Fact]
    public async Task Embed_PromptName_ChoosesThePromptOrNone()
    {
        string source = CopySentenceModel("default-prompt"), miniLm = SharedAssets.Path("all-minilm-l6-v2");
        var protocol = JsonNode.Parse(File.ReadAllText(Path.Combine(miniLm, "expected.json")))!;
        File.WriteAllText(_folder["texts.json"], protocol["sentences"]!.ToJsonString());
        await EmbedAsync(source, "--prompt-name", "");
        using var reference = Checkpoint.Open(Path.Combine(miniLm, "expected.safetensors"));
        Compare(Read(reference, "embeddings"), "embeddings", "no prompt", 1e-3f);

        var unknown = await Tool.RunAsync(
            "embed", _folder["package"], "-i", _folder["texts.json"], "-o", _folder["out.safetensors"],
            "--prompt-name", "title");
        Assert.Equal(1, unknown.Code);
        Assert.Equal(
            $"slipway: The package '{_folder["package"]}' has no prompt 'title'; it has 'query', 'document'. Name one "
            + "of these, or '' for none.\n", unknown.Error);
    }

    [Theory]
    [InlineData("cls-pooling")]
    [InlineData("mean-dense-normalize")]
    public async Task ExportAndEmbed_SentenceTransformersFolder_WritesTheReferenceEmbeddings(string name)
    {
        var source = SharedAssets.Path("sentence-transformers", name);
        File.Copy(Path.Combine(source, "texts.json"), _folder["texts.json"]);
        await EmbedAsync(source);
        using var reference = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        Compare(Read(reference, "embeddings"), "embeddings", name, 1e-4f);
    }

    [Fact]
    public async Task ExportAndRun_CrossEncoder_WritesTheReferenceLogits()
    {
        var source = SharedAssets.Path("sentence-transformers", "cross-encoder");
        Assert.Equal(0, (await Tool.RunAsync("export", source, "-o", _folder["package"])).Code);
        using var reference = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        var expected = Read(reference, "logits");
        var tokenizer = Tokenization.HuggingFaceTokenizer.Load(source);
        var pairs = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "texts.json")))!.AsArray();
        for (var row = 0; row < pairs.Count - 1; row++)
        {
            // [CLS] first [SEP] second [SEP]; the last pair is longer than the model.
            var first = tokenizer.Encode((string)pairs[row]![0]!, addSpecialTokens: true);
            var second = tokenizer.Encode((string)pairs[row]![1]!, addSpecialTokens: true)[1..];
            long[] ids = [.. first.Concat(second).Select(id => (long)id)];
            long[] types = [.. Enumerable.Range(0, ids.Length).Select(i => i < first.Length ? 0L : 1)];
            SafetensorsWriter.Write(
                _folder["in.safetensors"],
                [SafetensorsEntry.From("input_ids", ids, 1, ids.Length),
                    SafetensorsEntry.From("token_type_ids", types, 1, ids.Length)]);
            await RunAsync();
            Compare([expected[row]], "logits", $"pair {row}", 1e-4f);
        }
    }

    [Theory]
    [InlineData("bert")]
    [InlineData("bert-classifier")]
    [InlineData("bert-mlm")]
    [InlineData("xlm-roberta")]
    public async Task Run_EncoderPackage_WritesEveryOutput(string name)
    {
        var source = SharedAssets.Path("tiny", name);
        Assert.Equal(0, (await Tool.RunAsync("export", source, "-o", _folder["package"])).Code);
        using var reference = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        string[] inputs = [.. reference.Tensors.Keys.Where(key => key.StartsWith("input.", StringComparison.Ordinal))];
        SafetensorsWriter.Write(_folder["in.safetensors"], [.. inputs.Select(key => SafetensorsEntry.From(
            key["input.".Length..], Array.ConvertAll(Read(reference, key), value => (long)value),
            [.. reference.Tensors[key].Shape]))]);
        var report = await RunAsync();
        string[] outputs = [
            .. reference.Tensors.Keys.Where(key => key.StartsWith("output.", StringComparison.Ordinal))];
        Assert.Equal(
            outputs.Select(key => key["output.".Length..]).Order(), report["outputs"]!.AsObject()
            .Select(item => item.Key).Order());
        foreach (var key in outputs)
        {
            Compare(Read(reference, key), key["output.".Length..], key, 1e-4f);
        }
    }

    [Fact]
    public async Task Run_EncoderPackage_TakesTheIdsAloneAndTellsWhatItDoesNotRead()
    {
        Assert.Equal(
            0, (await Tool.RunAsync("export", SharedAssets.Path("tiny", "bert"), "-o", _folder["package"])).Code);
        long[] ids = [1, 20, 30, 2], ones = [1, 1, 1, 1], zeros = new long[4];
        Write(("input_ids", ids), ("attention_mask", ones), ("token_type_ids", zeros));
        await RunAsync();
        var whole = ReadFile("last_hidden_state");
        Write(("input_ids", ids), ("labels", ones));
        var run = await Tool.RunAsync(
            "run", _folder["package"], "-i", _folder["in.safetensors"], "-o", _folder["out.safetensors"]);
        Assert.Equal(0, run.Code);
        Assert.Equal(
            $"slipway: 'labels' of '{_folder["in.safetensors"]}' is no input of this model and was not read.\n",
            run.Error);
        Assert.Equal(
            $"last_hidden_state [1, 4, 64] in '{_folder["out.safetensors"]}'\npooler_output [1, 64] in "
            + $"'{_folder["out.safetensors"]}'\n'{_folder["package"]}' is a package for feature-extraction.\n",
            run.Output);
        Assert.Equal(whole, ReadFile("last_hidden_state"));

        SafetensorsWriter.Write(
            _folder["in.safetensors"],
            [SafetensorsEntry.From("input_ids", ids, 1, 4), SafetensorsEntry.From("attention_mask", ones, 2, 2)]);
        var refused = await Tool.RunAsync(
            "run", _folder["package"], "-i", _folder["in.safetensors"], "-o", _folder["out.safetensors"]);
        Assert.Equal(
            $"slipway: 'attention_mask' of '{_folder["in.safetensors"]}' has the shape [2, 2]; expected [1, 4], that "
            + "of 'input_ids'.\n", refused.Error);
    }

    [Fact]
    public async Task Run_EncoderPackage_RefusesWhatItCannotTake()
    {
        Assert.Equal(
            0, (await Tool.RunAsync("export", SharedAssets.Path("tiny", "bert"), "-o", _folder["package"])).Code);
        string[] run = ["run", _folder["package"], "-i", _folder["in.safetensors"], "-o", _folder["out.safetensors"]];
        Write(("input_ids", [1, 256]));
        Assert.Equal(
            $"slipway: '256' in 'input_ids' of '{_folder["in.safetensors"]}' is no token id; the model has 0 to 255. "
            + "Encode the texts with the model's own tokenizer.\n", (await Tool.RunAsync(run)).Error);
        Write(("input_ids", new long[1000]));
        Assert.Matches(
            "^slipway: 'input_ids' of '.*' has 1000 tokens a text; '.*' takes [0-9]+. Cut the texts off.\n$",
            (await Tool.RunAsync(run)).Error);
        Write(("input_ids", [1]));
        Assert.Equal(
            $"slipway: '{_folder["package"]}' is the package of an encoder, which holds no adapters. Merge the adapter "
            + "with 'slipway export --adapter', and leave --adapter out here.\n",
            (await Tool.RunAsync([.. run, "--adapter", "own"])).Error);
    }

    [Fact]
    public async Task Inspect_EncoderPackage_ShowsItsGraph()
    {
        Assert.Equal(
            0, (await Tool.RunAsync("export", SharedAssets.Path("tiny", "bert"), "-o", _folder["package"])).Code);
        var report = (await Tool.RunAsync("inspect", _folder["package"], "--json")).Json;
        Assert.Equal("package", (string?)report["kind"]);
        Assert.Equal("BertModel", (string?)report["architecture"]);
        Assert.Contains(report["graph"]!["outputs"]!.AsArray(),
            port => ((string)port!).StartsWith("pooler_output ", StringComparison.Ordinal));
    }

    private void Write(params (string Name, long[] Values)[] tensors) => SafetensorsWriter.Write(
        _folder["in.safetensors"],
        [.. tensors.Select(tensor => SafetensorsEntry.From(tensor.Name, tensor.Values, 1, tensor.Values.Length))]);

    private async Task<JsonNode> RunAsync() => (await Tool.RunAsync(
        "run", _folder["package"], "-i", _folder["in.safetensors"], "-o", _folder["out.safetensors"], "--json")).Json;

    private async Task EmbedAsync(string source, params string[] more)
    {
        var export = await Tool.RunAsync("export", source, "-o", _folder["package"]);
        Assert.True(export.Code == 0, export.Error);
        var embed = await Tool.RunAsync(
            ["embed", _folder["package"], "-i", _folder["texts.json"], "-o", _folder["out.safetensors"], .. more]);
        Assert.True(embed.Code == 0, embed.Error);
    }

    // The reported folder with MiniLM's weights and tokenizer.
    private string CopySentenceModel(string name)
    {
        string source = SharedAssets.Path("reported", name, "model"), target = _folder["model"];
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        foreach (var file in (string[])["model.safetensors", "tokenizer.json"])
        {
            File.CreateSymbolicLink(Path.Combine(target, file), SharedAssets.Path("all-minilm-l6-v2", file));
        }

        return target;
    }

    private void Compare(float[] expected, string name, string title, float tolerance)
    {
        var actual = ReadFile(name);
        Assert.Equal(expected.Length, actual.Length);
        var max = expected.Zip(actual, (x, y) => Math.Abs(x - y)).Max();
        output.WriteLine($"{title}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, tolerance);
    }

    private float[] ReadFile(string name)
    {
        using var written = Checkpoint.Open(_folder["out.safetensors"]);
        return Read(written, name);
    }

    private static float[] Read(Checkpoint checkpoint, string name)
    {
        var values = new float[checkpoint.Tensors[name].Count];
        checkpoint.ReadFloats(name, 0, values);
        return values;
    }
}
