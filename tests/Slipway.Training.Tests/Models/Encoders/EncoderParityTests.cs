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
    [InlineData("modernbert-classifier", "output.logits")]
    [InlineData("xlm-roberta", "output.last_hidden_state")]
    [InlineData("xlm-roberta-reranker", "output.logits")]
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

    // DistilBERT is BERT without kinds of tokens: BERT's weights under its names, the first kind
    // added to the positions.
    [Fact]
    public void Logits_OfDistilBertWithBertsWeights_EqualBerts()
    {
        using var folder = new TemporaryFolder();
        using var bert = Load("bert-mlm");
        var weights = bert.named_parameters().ToDictionary(one => one.name, one => (Tensor)one.parameter);
        using var untracked = no_grad();
        const string types = "bert.embeddings.token_type_embeddings.weight";
        const string positions = "bert.embeddings.position_embeddings.weight";
        weights[positions] = weights[positions] + weights[types][0];
        weights.Remove(types);
        SafetensorsWriter.Write(
            folder["model.safetensors"], [.. weights.Select(one => TensorEntries.Of(Distilled(one.Key), one.Value))]);
        var json = bert.Config.ToJson();
        foreach (var (own, other) in new[]
        {
            ("hidden_size", "dim"), ("intermediate_size", "hidden_dim"), ("num_hidden_layers", "n_layers"),
            ("num_attention_heads", "n_heads"), ("hidden_act", "activation"),
        })
        {
            json[other] = json[own]!.DeepClone();
            json.Remove(own);
        }

        json["architectures"] = new JsonArray("DistilBertForMaskedLM");
        File.WriteAllText(folder["config.json"], json.ToJsonString());
        using var checkpoint = Checkpoint.Open(folder.Path);
        using var distilled = EncoderModel.Load(checkpoint);
        using var layout = new SequenceLayout([9, 31]);
        using var ids = arange(40) * 37 % 250;
        using Tensor expected = bert.forward(ids, layout), result = distilled.forward(ids, layout);
        Assert.InRange((expected - result).abs().max().item<float>(), 0, 1e-4f);
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

    private static string Distilled(string name)
    {
        foreach (var (own, other) in new[]
        {
            ("bert.", "distilbert."), ("encoder.layer", "transformer.layer"),
            ("attention.self.query", "attention.q_lin"), ("attention.self.key", "attention.k_lin"),
            ("attention.self.value", "attention.v_lin"), ("attention.output.dense", "attention.out_lin"),
            ("attention.output.LayerNorm", "sa_layer_norm"), ("intermediate.dense", "ffn.lin1"),
            (".output.dense", ".ffn.lin2"), (".output.LayerNorm", ".output_layer_norm"),
            ("cls.predictions.transform.dense", "vocab_transform"),
            ("cls.predictions.transform.LayerNorm", "vocab_layer_norm"),
            ("cls.predictions.bias", "vocab_projector.bias"),
        })
        {
            name = name.Replace(own, other, StringComparison.Ordinal);
        }

        return name;
    }

    private static EncoderModel Load(string name)
    {
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", name));
        return EncoderModel.Load(start);
    }

    private static long[] Longs(Checkpoint checkpoint, string name)
    {
        var values = new long[checkpoint.Tensors[name].Count];
        checkpoint.ReadBytes(name, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
