using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Microsoft.ML.OnnxRuntime;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Packaging;
using Slipway.Testing;
using Slipway.Tokenization;

namespace Slipway.Tests.Embeddings;

public sealed class SentenceSettingsTests : IDisposable
{
    private const string Transformer = "sentence_bert_config.json";
    private const string Prompts = "config_sentence_transformers.json";
    private static readonly string[] Texts = ["A man is eating food.", "Paris"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Generate_DefaultPrompt_GoesBeforeEveryText()
    {
        var plain = await EmbedAsync(Export("plain"), ["query: A man is eating food.", "query: Paris"]);
        var prompted = Export(
            "prompted", (Prompts, """{"prompts": {"query": "query: ", "none": ""}, "default_prompt_name": "query"}"""));
        Assert.Equal(plain, await EmbedAsync(prompted, Texts));
    }

    [Fact]
    public async Task Generate_TruncatedByItsFiles_KeepsTheFirstNumbersAsTheyAre()
    {
        var whole = await EmbedAsync(Export("whole"), Texts);
        var package = Export("truncated", (Prompts, """{"truncate_dim": 5}"""));
        Assert.Equal(whole.Select(embedding => embedding[..5]), await EmbedAsync(package, Texts));
        using var generator = new OnnxEmbeddingGenerator(package);
        Assert.Equal(5, generator.GetService<EmbeddingGeneratorMetadata>()!.DefaultModelDimensions);
    }

    [Fact]
    public async Task Generate_PromptOfARequestInJson_IsThePrompt()
    {
        var package = Export("package", (Prompts, """{"prompts": {"query": "query: "}}"""));
        using var generator = new OnnxEmbeddingGenerator(package);
        var prompted = await generator.GenerateAsync(
            Texts, new() { AdditionalProperties = new() { ["prompt_name"] = JsonValue.Create("query") } });
        Assert.Equal(
            await EmbedAsync(package, [.. Texts.Select(text => $"query: {text}")]),
            prompted.Select(embedding => embedding.Vector.ToArray()));
        Assert.Equal(
            "EmbeddingGenerationOptions.AdditionalProperties['prompt_name'] is '5' of type 'Int32'; expected a text.",
            (await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync(
                Texts, new() { AdditionalProperties = new() { ["prompt_name"] = 5 } }))).Message);
    }

    [Fact]
    public async Task Generate_PromptOfARequest_ComesBeforeTheGenerators()
    {
        var package = Export("package", (Prompts, """{"prompts": {"query": "query: ", "document": "passage: "}}"""));
        using var generator = new OnnxEmbeddingGenerator(
            new OnnxEmbeddingGeneratorOptions { PackagePath = package, PromptName = "document" });
        using var bare = new OnnxEmbeddingGenerator(package);
        foreach (var (name, prefix) in (ValueTuple<string?, string>[])[
            (null, "passage: "), ("query", "query: "), ("", "")])
        {
            var options = name is null ? null : new EmbeddingGenerationOptions
            {
                AdditionalProperties = new() { ["prompt_name"] = name },
            };
            var prompted = await generator.GenerateAsync(Texts, options);
            var expected = await bare.GenerateAsync(Texts.Select(text => prefix + text));
            Assert.Equal(
                expected.Select(embedding => embedding.Vector.ToArray()),
                prompted.Select(embedding => embedding.Vector.ToArray()));
        }
    }

    [Fact]
    public async Task Generate_PromptLeftOutOfPooling_PoolsTheText()
    {
        var package = Export(
            "package", (Prompts, """{"prompts": {"query": "query: "}, "default_prompt_name": "query"}"""),
            ("1_Pooling/config.json", """{"pooling_mode": "mean", "include_prompt": false}"""));
        var embedded = (await EmbedAsync(package, ["Paris"]))[0];

        // [CLS], 'query' and ':' are the prompt's.
        long[] ids = [.. HuggingFaceTokenizer.Load(package).Encode("query: Paris", addSpecialTokens: true)
            .Select(id => (long)id)];
        using var session = new InferenceSession(Path.Combine(package, "model.onnx"));
        using var options = new RunOptions();
        using var idValue = OrtValue.CreateTensorValueFromMemory(ids, [1, ids.Length]);
        using var mask = OrtValue.CreateTensorValueFromMemory(ids.Select(_ => 1L).ToArray(), [1, ids.Length]);
        using var types = OrtValue.CreateTensorValueFromMemory(new long[ids.Length], [1, ids.Length]);
        using var length = OrtValue.CreateTensorValueFromMemory(new[] { 3L }, [1]);
        using var outputs = session.Run(
            options,
            new Dictionary<string, OrtValue>
            {
                ["input_ids"] = idValue, ["attention_mask"] = mask, ["token_type_ids"] = types,
                    ["prompt_length"] = length,
            },
            ["sentence_embedding"]);
        Assert.Equal(outputs[0].GetTensorDataAsSpan<float>().ToArray(), embedded);
        var all = Export("all", (Prompts, """{"prompts": {"query": "query: "}, "default_prompt_name": "query"}"""),
            ("1_Pooling/config.json", """{"pooling_mode": "mean"}"""));
        Assert.NotEqual(embedded, (await EmbedAsync(all, ["Paris"]))[0]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Generate_LowerCase_IsTheFilesChoice(bool lower)
    {
        var package = Export(
            "package", (Transformer, $$"""{"max_seq_length": 32, "do_lower_case": {{(lower ? "true" : "false")}}}"""),
            ("tokenizer.json", CasedTokenizer()));
        var embeddings = await EmbedAsync(package, ["paris is a city", "PARIS is a City"]);
        Assert.Equal(lower, embeddings[0].SequenceEqual(embeddings[1]));
    }

    [Theory]
    [InlineData(Transformer, """{"max_seq_length": 8}""", 8)]
    [InlineData("sentence_roberta_config.json", """{"max_seq_length": 9}""", 9)]
    [InlineData(Transformer, """{"max_seq_length": null}""", 64)]
    public async Task Generate_LongText_IsCutOffWhereTheFilesSay(string file, string content, int expected)
    {
        var package = Export("package", (Transformer, null), (file, content));
        using var generator = new OnnxEmbeddingGenerator(package);
        var result = await generator.GenerateAsync([string.Join(' ', Enumerable.Repeat("word", 200))]);
        Assert.Equal(expected, result.Usage!.InputTokenCount);
    }

    [Fact]
    public async Task Load_DefaultPromptThatIsMissing_NamesThePrompts()
    {
        var package = Export("package", (Prompts, """{"prompts": {"query": "q: "}, "default_prompt_name": "title"}"""));
        var error = await Assert.ThrowsAsync<PackageException>(() => EmbedAsync(package, Texts));
        Assert.Equal(
            $"'default_prompt_name' in '{Prompts}' of '{package}' is 'title', and 'prompts' has no such prompt; it has "
            + "'query'. Add the prompt, or set the name to null for none.", error.Message);
    }

    private static string CasedTokenizer()
    {
        var path = SharedAssets.Path("sentence-transformers", "cls-pooling", "tokenizer.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!;
        json["normalizer"]!["lowercase"] = false;
        return json.ToJsonString();
    }

    private static async Task<float[][]> EmbedAsync(string package, string[] texts)
    {
        using var generator = new OnnxEmbeddingGenerator(package);
        return [.. (await generator.GenerateAsync(texts)).Select(embedding => embedding.Vector.ToArray())];
    }

    // The small model with other files; null removes one.
    private string Export(string name, params (string File, string? Content)[] files)
    {
        var (source, target) = (SharedAssets.Path("sentence-transformers", "cls-pooling"), _folder[$"{name}-source"]);
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.WriteAllBytes(copy, File.ReadAllBytes(file));
        }

        foreach (var (file, content) in files)
        {
            File.Delete(Path.Combine(target, file));
            if (content is not null)
            {
                File.WriteAllText(Path.Combine(target, file), content);
            }
        }

        using var checkpoint = Checkpoint.Open(target);
        Exporter.Export(checkpoint, _folder[name]);
        return _folder[name];
    }
}
