using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Models.Encoders;

public sealed class EncoderLoadTests
{
    [Fact]
    public void Load_OfAMaskedLanguageModelAsAClassifier_KeepsTheBodyAndDrawsTheHead()
    {
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", "bert-mlm"));
        using var masked = EncoderModel.Load(start);
        using var model = EncoderModel.Load(start, EncoderTask.SequenceClassification, ["no", "yes"], seed: 5);
        using var again = EncoderModel.Load(start, EncoderTask.SequenceClassification, ["no", "yes"], seed: 5);
        Assert.Equal(
            ["bert.pooler.dense.bias", "bert.pooler.dense.weight", "classifier.bias", "classifier.weight"],
            model.DrawnWeights.Order(StringComparer.Ordinal));
        using var ids = arange(12) * 17 % 250;
        using var layout = new SequenceLayout([5, 7]);
        using Tensor states = masked.HiddenStates(ids, layout), same = model.HiddenStates(ids, layout);
        Assert.Equal(0, (states - same).abs().max().item<float>());
        using Tensor logits = model.forward(ids, layout), repeated = again.forward(ids, layout);
        Assert.Equal([2, 2], logits.shape);
        Assert.Equal(0, (logits - repeated).abs().max().item<float>());
        Assert.True(logits.std().item<float>() > 0);
        Assert.Equal("BertForSequenceClassification", (string?)model.Config.ToJson()["architectures"]![0]);
        Assert.Equal("yes", (string?)model.Config.ToJson()["id2label"]!["1"]);
        Assert.Equal(1, (int)model.Config.ToJson()["label2id"]!["yes"]!);
    }

    [Fact]
    public void Load_OfAClassifierForMoreLabels_KeepsThePoolerAndDrawsTheLabels()
    {
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", "bert-classifier"));
        using var model = EncoderModel.Load(start, labels: ["a", "b", "c", "d", "e"]);
        Assert.Equal(
            ["classifier.bias", "classifier.weight"], model.DrawnWeights.Order(StringComparer.Ordinal));
        using var own = EncoderModel.Load(start, labels: ["x", "y", "z"]);
        Assert.Empty(own.DrawnWeights);
    }

    [Fact]
    public void Load_OfNormsNamedAsTensorFlowDoes_FindsThem()
    {
        using var folder = new TemporaryFolder();
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", "bert-mlm"));
        using var model = EncoderModel.Load(start);
        var entries = model.named_parameters().Select(one => TensorEntries.Of(
            one.name.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal)
                .Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal), one.parameter));
        SafetensorsWriter.Write(folder["model.safetensors"], [.. entries]);
        File.WriteAllText(folder["config.json"], model.Config.ToJson().ToJsonString());
        using var stored = Checkpoint.Open(folder.Path);
        using var loaded = EncoderModel.Load(stored);
        using var ids = arange(12) * 17 % 250;
        using var layout = new SequenceLayout([12]);
        using Tensor expected = model.forward(ids, layout), logits = loaded.forward(ids, layout);
        Assert.Equal(0, (expected - logits).abs().max().item<float>());
    }

    [Fact]
    public void Load_WithATensorThatHasNoPlace_NamesIt()
    {
        using var folder = new TemporaryFolder();
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", "bert-mlm"));
        using var model = EncoderModel.Load(start);
        SafetensorsWriter.Write(folder["model.safetensors"], [
            .. model.named_parameters().Select(one => TensorEntries.Of(one.name, one.parameter)),
            SafetensorsEntry.From("bert.encoder.layer.2.output.dense.bias", new float[4], 4)]);
        File.WriteAllText(folder["config.json"], model.Config.ToJson().ToJsonString());
        using var stored = Checkpoint.Open(folder.Path);
        var error = Assert.Throws<CheckpointException>(() => EncoderModel.Load(stored));
        Assert.Equal("bert.encoder.layer.2.output.dense.bias", error.Tensor);
    }

    [Fact]
    public void HiddenStates_BeyondRobertasPositions_AreRefused()
    {
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", "xlm-roberta"));
        using var model = EncoderModel.Load(start);
        using var layout = new SequenceLayout([129]);
        var error = Assert.Throws<ArgumentException>(() => model.HiddenStates(zeros(129, int64), layout));
        Assert.StartsWith(
            "A sequence of 129 tokens is longer than the 128 that max_position_embeddings=130 allows.", error.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("classifier_pooling", "\"max\"", "'classifier_pooling' in 'test' is 'max'; expected 'cls' or 'mean'.")]
    [InlineData("num_attention_heads", "5", "a divisor of hidden_size=64")]
    [InlineData("layer_types", "[\"full_attention\"]", "'layer_types' in 'test' does not name layer 1 so")]
    public void Parse_OfABadKey_NamesIt(string key, string value, string expected)
    {
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", "modernbert-classifier"));
        var json = (JsonObject)start.Config.DeepClone();
        json[key] = JsonNode.Parse(value);
        var error = Assert.Throws<ModelConfigException>(() => EncoderConfig.Parse(json, "test"));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new long[] { 0, 3 }, "The label at 1 is 3; expected one from 0 to 2, or -100")]
    [InlineData(new long[] { -1, 0 }, "The label at 0 is -1; expected one from 0 to 2, or -100")]
    [InlineData(new long[] { 0 }, "The targets have the shape [1] of Int64; expected int64 [2] or float32 [2, 3].")]
    public void ClassificationLoss_OfABadLabel_NamesIt(long[] labels, string expected)
    {
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", "bert-classifier"));
        using var model = EncoderModel.Load(start);
        using var layout = new SequenceLayout([5, 7]);
        var error = Assert.Throws<ArgumentException>(
            () => model.ClassificationLoss(arange(12), layout, tensor(labels)));
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ClassificationLoss_OfEachKind_FollowsItsDefinition()
    {
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", "bert-token-classifier"));
        using var model = EncoderModel.Load(start);
        using var untracked = no_grad();
        using var scope = NewDisposeScope();
        using var layout = new SequenceLayout([2, 1]);
        var ids = arange(3) + 7;
        var logits = model.forward(ids, layout).data<float>().ToArray().Chunk(9).ToArray();
        var chosen = model.ClassificationLoss(ids, layout, tensor(new long[] { 4, EncoderModel.Unlabeled, 8 }));
        Assert.Equal((Entropy(logits[0], 4) + Entropy(logits[2], 8)) / 2, chosen.item<float>(), 1e-5);

        var wanted = Enumerable.Range(0, 27).Select(index => index % 4 == 0 ? 1f : 0).ToArray();
        var each = model.ClassificationLoss(ids, layout, tensor(wanted).view(3, 9));
        Assert.Equal(logits.SelectMany(row => row).Zip(wanted, (logit, want) =>
            Math.Log(1 + Math.Exp(logit)) - (want * logit)).Average(), each.item<float>(), 1e-5);

        static double Entropy(float[] row, int label) => Math.Log(row.Sum(value => Math.Exp(value))) - row[label];
    }
}
