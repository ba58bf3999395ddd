using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.AI;
using Slipway.Onnx;
using Slipway.Onnx.Operators;
using Slipway.Onnx.Serialization;
using Slipway.Testing;
using Slipway.Tokenization;

namespace Slipway.Tests.Tensors;

/// <summary>Embeds and labels texts with graphs of a table's rows, with and without a mask.</summary>
public sealed class TextGraphTests : IDisposable
{
    private const int Width = 3;
    private static readonly float[] Table = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4];

    private static readonly HuggingFaceTokenizer Tokenizer = HuggingFaceTokenizer.Parse(
        Encoding.UTF8.GetBytes(
            """
            {"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"Whitespace"},
             "post_processor":null,"decoder":null,
             "model":{"type":"WordLevel","vocab":{"[UNK]":0,"a":1,"b":2,"c":3},"unk_token":"[UNK]"}}
            """), "test");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AsEmbeddingGenerator_TextsOfSeveralLengths_EqualsEachAlone(bool hasMask)
    {
        using var model = OnnxTensorModel.Load(Write(hasMask, isPooled: true));
        using var generator = model.AsEmbeddingGenerator(Tokenizer);
        string[] texts = ["a", "b b b", "a a c", "c"];
        var together = await generator.GenerateAsync(texts);
        Assert.Equal([1f, 0, 0], together[0].Vector.ToArray());
        Assert.Equal([0f, 6, 0], together[1].Vector.ToArray());
        Assert.Equal([2f, 0, 4], together[2].Vector.ToArray());
        Assert.Equal([0f, 0, 4], together[3].Vector.ToArray());
        for (var index = 0; index < texts.Length; index++)
        {
            var alone = await generator.GenerateAsync([texts[index]]);
            Assert.Equal(alone[0].Vector.ToArray(), together[index].Vector.ToArray());
        }
    }

    [Fact]
    public void AsEmbeddingGenerator_GraphWithoutIds_IsRefused()
    {
        Graph graph = new("numbers");
        var x = graph.AddInput("x", ElementType.Float32, "batch", Width);
        graph.AddOutput(
            new NodeScope(graph, "").AddNode("", "Neg", [x], ["=y"], [])[0], ElementType.Float32, "batch", Width);
        OnnxFile.Write(new OnnxModel(graph), _folder["numbers.onnx"]);
        using var model = OnnxTensorModel.Load(_folder["numbers.onnx"]);
        Assert.Contains("one input of ids", Assert.Throws<NotSupportedException>(
            () => model.AsEmbeddingGenerator(Tokenizer)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AsEmbeddingGenerator_RowForEachToken_GivesTheirMean(bool hasMask)
    {
        using var model = OnnxTensorModel.Load(Write(hasMask, isPooled: false));
        using var generator = model.AsEmbeddingGenerator(Tokenizer);
        var made = await generator.GenerateAsync(["a b", "c"]);
        Assert.Equal([0.5f, 1, 0], made[0].Vector.ToArray());
        Assert.Equal([0f, 0, 4], made[1].Vector.ToArray());
        Assert.Equal(3, made.Usage!.TotalTokenCount);
        Assert.Equal(Width, generator.GetService<EmbeddingGeneratorMetadata>()!.DefaultModelDimensions);
        _ = await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync([""]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Classifier_TextsOfSeveralLengths_GivesTheSoftmaxOfTheirLogits(bool hasMask)
    {
        using var model = OnnxTensorModel.Load(Write(hasMask, isPooled: true));
        OnnxTensorClassifier classifier = new(model, Tokenizer, ["sport", "trade", "weather"]);
        var found = await classifier.ClassifyAsync(["b b", "a", "c a"]);
        Assert.Equal(["trade", "sport", "weather"], found.Select(text => text.Best.Label));
        Assert.Equal([0f, 4, 0], found[0].Scores.Select(score => score.Logit));
        Assert.Equal(Math.Exp(4) / (Math.Exp(4) + 2), found[0].Best.Score, 1e-6);
        Assert.Equal(1, found[2].Scores.Sum(score => score.Score), 1e-6);
    }

    [Fact]
    public async Task Classifier_SeveralMayFit_ScoresEachLabelByItself()
    {
        using var model = OnnxTensorModel.Load(Write(hasMask: true, isPooled: true));
        OnnxTensorClassifier classifier = new(model, Tokenizer, ["sport", "trade", "weather"], severalMayFit: true);
        var found = Assert.Single(await classifier.ClassifyAsync(["a c"]));
        Assert.Equal(0.5, found.Scores[1].Score, 1e-6);
        Assert.Equal(1 / (1 + Math.Exp(-4)), found.Scores[2].Score, 1e-6);
    }

    [Fact]
    public void Classifier_LabelsOrRowsThatDoNotFit_AreRefused()
    {
        using var model = OnnxTensorModel.Load(Write(hasMask: true, isPooled: true));
        Assert.Contains("There are 2 labels ('yes', 'no') for 3 logits", Assert.Throws<ArgumentException>(
            () => new OnnxTensorClassifier(model, Tokenizer, ["yes", "no"])).Message, StringComparison.Ordinal);
        using var tokens = OnnxTensorModel.Load(Write(hasMask: true, isPooled: false));
        Assert.Contains("a row for each token", Assert.Throws<NotSupportedException>(
            () => new OnnxTensorClassifier(tokens, Tokenizer, ["a", "b", "c"])).Message, StringComparison.Ordinal);
    }

    // Rows of a table by ids; pooled their sum over the tokens that the mask has.
    private string Write(bool hasMask, bool isPooled)
    {
        Graph graph = new("texts");
        NodeScope scope = new(graph, "");
        var ids = graph.AddInput("input_ids", ElementType.Int64, "batch", "sequence");
        var table = graph.AddInitializer(new Initializer(
            "table", ElementType.Float32, [Table.Length / Width, Width],
            new TensorData.Inline(MemoryMarshal.AsBytes<float>(Table).ToArray())));
        var rows = scope.AddNode("", "Gather", [table, ids]);
        if (hasMask)
        {
            var mask = graph.AddInput("attention_mask", ElementType.Int64, "batch", "sequence");
            var wide = scope.AddNode(
                "", "Unsqueeze", [scope.Cast(mask, ElementType.Float32), scope.Ints(2)]);
            rows = scope.AddNode("", "Mul", [rows, wide]);
        }

        if (isPooled)
        {
            var sum = scope.AddNode(
                "", "ReduceSum", [rows, scope.Ints(1)], ["=logits"], [new NodeAttribute.Int("keepdims", 0)])[0];
            graph.AddOutput(sum, ElementType.Float32, "batch", Width);
        }
        else
        {
            var same = scope.AddNode("", "Identity", [rows], ["=tokens"], [])[0];
            graph.AddOutput(same, ElementType.Float32, "batch", "sequence", Width);
        }

        var path = _folder[$"{hasMask}{isPooled}.onnx"];
        OnnxFile.Write(new OnnxModel(graph), path);
        return path;
    }
}
