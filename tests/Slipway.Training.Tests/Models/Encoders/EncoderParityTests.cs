using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Training.Modules;
using Slipway.Training.Optimization;
using static TorchSharp.torch;

namespace Slipway.Training.Models.Encoders;

public sealed class EncoderParityTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("bert", "output.last_hidden_state")]
    [InlineData("bert-mlm", "output.logits")]
    [InlineData("bert-classifier", "output.logits")]
    [InlineData("bert-token-classifier", "output.logits")]
    public void Outputs_OfALoadedCheckpoint_EqualTheReference(string name, string tensorName)
    {
        using var expected = Checkpoint.Open(SharedAssets.Path("tiny", name, "expected.safetensors"));
        using var model = Load(name);
        var (ids, mask) = (Longs(expected, "input.input_ids"), Longs(expected, "input.attention_mask"));
        var types = expected.Tensors.ContainsKey("input.token_type_ids")
            ? Longs(expected, "input.token_type_ids") : new long[ids.Length];
        var rows = (int)expected.Tensors["input.input_ids"].Shape[0];
        var kept = Enumerable.Range(0, ids.Length).Where(index => mask[index] == 1).ToArray();
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        using var layout = new SequenceLayout([.. mask.Chunk(ids.Length / rows).Select(row => (int)row.Sum())]);
        var states = model.HiddenStates(Kept(ids), layout, Kept(types));
        var result = model.Head(states, layout);
        var values = new float[expected.Tensors[tensorName].Count];
        expected.ReadFloats(tensorName, 0, values);
        var all = tensor(values).view(-1, result.shape[1]);
        var places = tensor(kept.Select(index => (long)index).ToArray());
        var reference = all.shape[0] == rows ? all : all.index_select(0, places);
        var max = (reference - result).abs().max().item<float>();
        output.WriteLine($"{name}: largest difference {max:e2}");
        Assert.InRange(max, 0, 1e-4f);

        Tensor Kept(long[] all) => tensor(kept.Select(index => all[index]).ToArray());
    }

    [Fact]
    public void MaskedLosses_FromTheReferenceStart_FollowTheReference()
    {
        using var data = Checkpoint.Open(SharedAssets.Path("training-methods", "bert-mlm", "data.safetensors"));
        var expected = JsonNode.Parse(File.ReadAllText(
            SharedAssets.Path("training-methods", "bert-mlm", "expected.json")))!["mlm"]!;
        using var model = Load("bert-mlm");
        using var optimizer = new AdamW(model.TrainableParameters);
        long[] ids = Longs(data, "mlm.input_ids"), labels = Longs(data, "mlm.labels");
        var losses = expected["losses"]!.AsArray().Select(value => (double)value!).ToArray();
        var max = Reference.Train(losses, optimizer, _ => (double)expected["learning_rate"]!, 0, step =>
        {
            var (first, count) = (step * 144, 144);
            var places = Enumerable.Range(0, count).Where(index => labels[first + index] != Reference.Masked).ToArray();
            using var layout = SequenceLayout.Uniform(6, 24);
            return model.MaskedLoss(
                tensor(ids[first..(first + count)]), layout, tensor(places.Select(index => (long)index).ToArray()),
                tensor(places.Select(index => labels[first + index]).ToArray()));
        });
        output.WriteLine($"masked language modelling: largest difference of a loss {max:e2}");
        Assert.InRange(max, 0, 1e-4);
    }

    [Fact]
    public void Parse_OfADecoder_NamesTheNearestEncoder()
    {
        var error = Assert.Throws<NotSupportedException>(() => EncoderConfig.Parse(
            JsonNode.Parse("""{"architectures": ["BertForMaskedLMs"]}""")!.AsObject(), "config.json"));
        Assert.Equal(
            "Architecture 'BertForMaskedLMs' cannot be trained as an encoder. The nearest is 'BertForMaskedLM'.",
            error.Message);
    }

    private static EncoderModel Load(string name)
    {
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", name));
        var model = new EncoderModel(EncoderConfig.Parse(start.Config, start.Path));
        CheckpointWeights.Load(model, start);
        return model;
    }

    private static long[] Longs(Checkpoint checkpoint, string name)
    {
        var values = new long[checkpoint.Tensors[name].Count];
        checkpoint.ReadBytes(name, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
