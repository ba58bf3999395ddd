using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Tokenization;

namespace Slipway.Export.Tests.Architectures;

public sealed class EncoderParityTests(ITestOutputHelper output)
{
    public static TheoryData<string> Names { get; } = new(
        "bert", "bert-classifier", "bert-mlm", "bert-token-classifier", "modernbert-classifier", "xlm-roberta",
        "xlm-roberta-reranker");

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_Float32_EqualsTheReference(string name)
    {
        var source = SharedAssets.Path("tiny", name);
        using TemporaryFolder folder = new();
        using (var checkpoint = Checkpoint.Open(source))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        using EncoderRunner runner = new(folder["package"]);
        var outputs = runner.Run(
            expected.Tensors["input.input_ids"].Shape[0], Longs(expected, "input.input_ids"),
            Longs(expected, "input.attention_mask"),
            expected.Tensors.ContainsKey("input.token_type_ids") ? Longs(expected, "input.token_type_ids") : null);

        string[] names = [.. expected.Tensors.Keys.Where(key => key.StartsWith("output.", StringComparison.Ordinal))];
        Assert.Equal(names.Select(key => key["output.".Length..]).Order(), outputs.Keys.Order());
        var max = names.Max(key => DecoderParityTests.Difference(
            outputs[key["output.".Length..]], DecoderParityTests.Floats(expected, key)));
        output.WriteLine($"{name}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }

    [Theory]
    [InlineData(Precision.Float32, 1e-3)]
    [InlineData(Precision.Int8, 1)]
    public void Export_SentenceModel_EmbedsAsTheReference(Precision precision, double tolerance)
    {
        var source = SharedAssets.Path("all-minilm-l6-v2");
        using TemporaryFolder folder = new();
        using (var checkpoint = Checkpoint.Open(source))
        {
            Exporter.Export(checkpoint, folder["package"], new ExportOptions { Precision = precision });
        }

        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        var reference = DecoderParityTests.Floats(expected, "embeddings");
        var protocol = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "expected.json")))!;
        string[] sentences = [.. protocol["sentences"]!.AsArray().Select(text => (string)text!)];
        var tokenizer = HuggingFaceTokenizer.Load(folder["package"]);
        using EncoderRunner runner = new(folder["package"]);
        const int size = 384;
        (double max, double cosine) = (0, 1);
        for (var row = 0; row < sentences.Length; row++)
        {
            var ids = Truncate(tokenizer.Encode(sentences[row], addSpecialTokens: true), 256);
            var embedding = runner.Run(
                1, [.. ids.Select(id => (long)id)], [.. Enumerable.Repeat(1L, ids.Length)])["sentence_embedding"];
            var wanted = reference[(row * size)..((row + 1) * size)];
            max = Math.Max(max, DecoderParityTests.Difference(embedding, wanted));
            cosine = Math.Min(cosine, embedding.Zip(wanted, (x, y) => (double)x * y).Sum());
        }

        output.WriteLine($"{precision}: largest difference {max:0.0e+0}, smallest cosine {cosine:0.00000}");
        Assert.InRange(max, 0, tolerance);
        Assert.InRange(cosine, 0.999, 1.001);
    }

    [Fact]
    public void Export_SentenceModel_ReadsPaddedRowsAsTheyAreAlone()
    {
        using TemporaryFolder folder = new();
        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("all-minilm-l6-v2")))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        using EncoderRunner runner = new(folder["package"]);
        long[] ids = [101, 1037, 2158, 2003, 102];
        var alone = runner.Run(1, ids, [1, 1, 1, 1, 1])["sentence_embedding"];
        var padded = runner.Run(
            2, [101, 2054, 1037, 2502, 4937, 2003, 102, .. ids, 0, 0],
            [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0])["sentence_embedding"];
        Assert.InRange(DecoderParityTests.Difference(padded[(padded.Length / 2)..], alone), 0, 1e-6f);
    }

    // The last token stays: it closes every text.
    private static int[] Truncate(int[] ids, int length) =>
        ids.Length <= length ? ids : [.. ids[..(length - 1)], ids[^1]];

    private static long[] Longs(Checkpoint checkpoint, string name) =>
        [.. DecoderParityTests.Floats(checkpoint, name).Select(value => (long)value)];
}
