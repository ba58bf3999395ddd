using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Tests.Embeddings;

public sealed class OnnxEmbeddingGeneratorTests(ITestOutputHelper output, OnnxEmbeddingGeneratorTests.MiniLm model)
    : IClassFixture<OnnxEmbeddingGeneratorTests.MiniLm>
{
    private const int Size = 384;

    [Theory]
    [InlineData(4096)]
    [InlineData(300)]
    [InlineData(1)]
    public async Task Generate_Sentences_EqualTheReferenceInAnyBatches(int maxBatchTokens)
    {
        var (sentences, reference) = Reference();
        using var generator = new OnnxEmbeddingGenerator(
            new OnnxEmbeddingGeneratorOptions { PackagePath = model.Package, MaxBatchTokens = maxBatchTokens });

        var embeddings = await generator.GenerateAsync(sentences);

        Assert.Equal(sentences.Length, embeddings.Count);
        var max = embeddings
            .SelectMany(embedding => embedding.Vector.ToArray())
            .Zip(reference, (x, y) => Math.Abs(x - y))
            .Max();
        output.WriteLine($"{maxBatchTokens} tokens a batch: largest difference {max:0.0e+0}");
        Assert.Equal(reference.Length, embeddings.Sum(embedding => embedding.Vector.Length));
        Assert.InRange(max, 0, 1e-3f);
        Assert.All(embeddings, embedding => Assert.Equal("package", embedding.ModelId));
        Assert.Equal(embeddings.Usage!.TotalTokenCount, embeddings.Usage.InputTokenCount);
        Assert.InRange(embeddings.Usage.TotalTokenCount!.Value, 256 + sentences.Length, 256 * sentences.Length);
    }

    [Fact]
    public async Task Generate_ManyCallersAtOnce_GivesEachItsOwn()
    {
        var (sentences, _) = Reference();
        using var generator = new OnnxEmbeddingGenerator(model.Package);
        var together = await generator.GenerateAsync(sentences);
        var alone = await Task.WhenAll(sentences.Select(sentence => generator.GenerateAsync([sentence])));
        for (var i = 0; i < sentences.Length; i++)
        {
            var cosine = TensorPrimitives.CosineSimilarity(together[i].Vector.Span, alone[i][0].Vector.Span);
            Assert.InRange(cosine, 0.99999f, 1.00001f);
        }
    }

    [Fact]
    public async Task Generate_TextThatSpellsSpecialTokens_HasThemAsTheReferenceDoes()
    {
        using var generator = new OnnxEmbeddingGenerator(model.Package);
        var embeddings = await generator.GenerateAsync(["food[MASK][SEP] food"]);
        Assert.Equal(6, embeddings.Usage!.InputTokenCount); // [CLS], food, the two, food, [SEP]
    }

    [Fact]
    public async Task Generate_FewerDimensions_KeepsTheFirstAtLengthOne()
    {
        using var generator = new OnnxEmbeddingGenerator(model.Package);
        var whole = (await generator.GenerateAsync(["a cat"]))[0].Vector.ToArray();
        var part = (await generator.GenerateAsync(["a cat"], new() { Dimensions = 64 }))[0].Vector.ToArray();
        Assert.Equal(64, part.Length);
        Assert.Equal(1, TensorPrimitives.Norm<float>(part), 1e-5f);
        Assert.Equal(1, TensorPrimitives.CosineSimilarity<float>(part, whole.AsSpan(0, 64)), 1e-5f);
    }

    [Fact]
    public async Task Generate_LongText_IsCutOffToTheContext()
    {
        using var generator = new OnnxEmbeddingGenerator(
            new OnnxEmbeddingGeneratorOptions { PackagePath = model.Package, ContextLength = 8 });
        var result = await generator.GenerateAsync(
            ["one two three four five six seven eight nine ten", "one two three four five six"]);
        Assert.Equal(16, result.Usage!.InputTokenCount);
        Assert.Equal(result[1].Vector.ToArray(), result[0].Vector.ToArray());
    }

    [Fact]
    public void Metadata_NamesModelAndDimensions()
    {
        using var generator = new OnnxEmbeddingGenerator(
            new OnnxEmbeddingGeneratorOptions { PackagePath = model.Package, ModelId = "mini" });
        var metadata = generator.GetService<EmbeddingGeneratorMetadata>()!;
        Assert.Equal(
            ("onnx", "mini", Size),
            (metadata.ProviderName, metadata.DefaultModelId, metadata.DefaultModelDimensions!.Value));
        Assert.Same(generator, generator.GetService<OnnxEmbeddingGenerator>());
        Assert.Equal("BertModel", generator.GetService<EncoderPackage>()!.Manifest.Architecture);
        Assert.Null(generator.GetService<LanguageModel>());
    }

    [Fact]
    public async Task Generate_NoTexts_GivesNone()
    {
        using var generator = new OnnxEmbeddingGenerator(model.Package);
        var result = await generator.GenerateAsync([]);
        Assert.Empty(result);
        Assert.Equal(0, result.Usage!.InputTokenCount);
    }

    [Fact]
    public async Task Generate_BadRequest_SaysWhatIsWrong()
    {
        using var generator = new OnnxEmbeddingGenerator(model.Package);
        Assert.StartsWith(
            "The text at '1' is null. Leave it out, or embed ''.",
            (await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync(["a", null!]))).Message,
            StringComparison.Ordinal);
        Assert.StartsWith(
            "EmbeddingGenerationOptions.Dimensions is '385'; expected from 1 to the model's 384.",
            (await Assert.ThrowsAsync<ArgumentException>(
                () => generator.GenerateAsync(["a"], new() { Dimensions = 385 }))).Message,
            StringComparison.Ordinal);
        Assert.Equal(
            "EmbeddingGenerationOptions.ModelId is 'ada'; this generator serves 'package' only. Leave it null, or "
            + "register a generator of its own for each model, by key.",
            (await Assert.ThrowsAsync<NotSupportedException>(
                () => generator.GenerateAsync(["a"], new() { ModelId = "ada" }))).Message);
    }

    [Fact]
    public async Task Generate_Cancelled_EndsAndLeavesTheGeneratorUsable()
    {
        using var generator = new OnnxEmbeddingGenerator(model.Package);
        using var source = new CancellationTokenSource();
        var texts = Enumerable.Repeat(string.Join(' ', Enumerable.Repeat("word", 200)), 300);
        var running = generator.GenerateAsync(texts, cancellationToken: source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Single(await generator.GenerateAsync(["a"]));
    }

    [Fact]
    public async Task Dispose_WhileBusy_EndsEveryRequest()
    {
        var generator = new OnnxEmbeddingGenerator(model.Package);
        await generator.GenerateAsync(["a"]);
        var running = Enumerable.Range(0, 8)
            .Select(_ => Task.Run(() => generator.GenerateAsync(Enumerable.Repeat("some words", 400))))
            .ToArray();
        generator.Dispose();
        foreach (var task in running)
        {
            try
            {
                Assert.Equal(400, (await task).Count);
            }
            catch (ObjectDisposedException)
            {
                // Either is an answer; a request that never ends is none.
            }
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(() => generator.GenerateAsync(["a"]));
        generator.Dispose();
    }

    [Fact]
    public void Options_OutOfRange_AreAllNamed()
    {
        var error = Assert.Throws<ArgumentException>(() => new OnnxEmbeddingGenerator(
            new OnnxEmbeddingGeneratorOptions { ContextLength = 0, Threads = -1, MaxBatchTokens = 0 }));
        Assert.StartsWith(
            "PackagePath is missing; expected the folder of a package. Threads is '-1'; expected from 1 to 1024. "
            + "ContextLength is '0'; expected from 1 to 1048576. MaxBatchTokens is '0'; expected from 1 to 1048576.",
            error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_PackageThatEmbedsNothing_IsRefused()
    {
        var decoder = PackageCases.Folder("qwen3-fp32");
        using var generator = new OnnxEmbeddingGenerator(decoder);
        var error = await Assert.ThrowsAsync<PackageException>(() => generator.GenerateAsync(["a"]));
        Assert.Equal(
            $"The package '{decoder}' holds a 'genai_config.json', so it is a decoder. Chat with it, or give the "
            + "package of an encoder.",
            error.Message);

        using var nowhere = new OnnxEmbeddingGenerator("nowhere");
        error = await Assert.ThrowsAsync<PackageException>(() => nowhere.GenerateAsync(["a"]));
        Assert.EndsWith(
            "does not exist. Give the folder that 'slipway export' wrote.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_ContextBeyondTheModels_IsRefused()
    {
        using var generator = new OnnxEmbeddingGenerator(
            new OnnxEmbeddingGeneratorOptions { PackagePath = model.Package, ContextLength = 513 });
        var error = await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync(["a"]));
        Assert.StartsWith(
            "ContextLength is '513'; the model has '512' positions. Set it to that or less.", error.Message,
            StringComparison.Ordinal);
    }

    private static (string[] Sentences, float[] Embeddings) Reference()
    {
        var source = SharedAssets.Path("all-minilm-l6-v2");
        var protocol = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "expected.json")))!;
        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        var values = new float[expected.Tensors["embeddings"].Count];
        expected.ReadFloats("embeddings", 0, values);
        return ([.. protocol["sentences"]!.AsArray().Select(text => (string)text!)], values);
    }

    /// <summary>all-MiniLM-L6-v2, exported once for all tests.</summary>
    public sealed class MiniLm : IDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly Lazy<string> _package;

        public MiniLm() => _package = new(() =>
        {
            using var checkpoint = Checkpoint.Open(SharedAssets.Path("all-minilm-l6-v2"));
            Exporter.Export(checkpoint, _folder["package"]);
            return _folder["package"];
        });

        public string Package => _package.Value;

        public void Dispose() => _folder.Dispose();
    }
}
