using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export.Tests.Architectures;
using Slipway.Testing;
using static Slipway.Export.Tests.Definitions.SmallEncoders;

namespace Slipway.Export.Tests.Definitions;

/// <summary>
/// Encoders and heads without reference values, against their definitions written down a second time.
/// </summary>
public sealed class EncoderDefinitionTests(ITestOutputHelper output)
{
    private const int Padding = 1;

    private static readonly Passage Example = new(
        [.. Enumerable.Range(0, 61).Select(index => 2 + (((index * 17) + 5) % 38)), Padding, Padding, Padding], 61,
        [.. Enumerable.Range(0, 64).Select(index => index < 20 ? 0 : 1)]);

    private static readonly Passage Untyped = Example with { Types = new int[64] };

    private static readonly Dictionary<string, (JsonObject Config,
        Func<ReferenceModel, double[][]> Forward)> Models = new()
    {
        ["BertForTokenClassification"] = (Config("BertForTokenClassification"), model =>
            model.Linear("classifier", Bert(model, "bert.", Example), Labels, bias: true)),
        ["RobertaModel"] = (RobertaConfig("RobertaModel"), model => Roberta(model, "")),
        ["RobertaForMaskedLM"] = (RobertaConfig("RobertaForMaskedLM"), model => Tied(
            model, "roberta.embeddings.word_embeddings", "lm_head.bias", Transformed(
                model, "lm_head.dense", "lm_head.layer_norm", Roberta(model, "roberta.")))),
        ["XLMRobertaForSequenceClassification"] = (RobertaConfig("XLMRobertaForSequenceClassification"), model =>
            Classified(model, Roberta(model, "roberta."))),
        ["RobertaForTokenClassification"] = (RobertaConfig("RobertaForTokenClassification"), model =>
            model.Linear("classifier", Roberta(model, "roberta."), Labels, bias: true)),
        ["MPNetModel"] = (MpnetConfig("MPNetModel"), model => Mpnet(model, "", Untyped)),
        ["MPNetForMaskedLM"] = (MpnetConfig("MPNetForMaskedLM"), model => Tied(
            model, "mpnet.embeddings.word_embeddings", "lm_head.bias", Transformed(
                model, "lm_head.dense", "lm_head.layer_norm", Mpnet(model, "mpnet.", Untyped)))),
        ["MPNetForSequenceClassification"] = (MpnetConfig("MPNetForSequenceClassification"), model =>
            Classified(model, Mpnet(model, "mpnet.", Untyped))),
        ["MPNetForTokenClassification"] = (MpnetConfig("MPNetForTokenClassification"), model =>
            model.Linear("classifier", Mpnet(model, "mpnet.", Untyped), Labels, bias: true)),
        ["DistilBertModel"] = (DistilConfig("DistilBertModel"), model => DistilBert(model, "", Untyped)),
        ["DistilBertForMaskedLM"] = (DistilConfig("DistilBertForMaskedLM"), model => Tied(
            model, "distilbert.embeddings.word_embeddings", "vocab_projector.bias", model.LayerNorm(
                "vocab_layer_norm", Gelu(model.Linear(
                    "vocab_transform", DistilBert(model, "distilbert.", Untyped), Size, bias: true)), 1e-12))),
        ["DistilBertForSequenceClassification"] = (DistilConfig("DistilBertForSequenceClassification"), model =>
            model.Linear("classifier", Relu(model.Linear(
                "pre_classifier", DistilBert(model, "distilbert.", Untyped)[..1], Size, bias: true)), Labels,
                bias: true)),
        ["DistilBertForTokenClassification"] = (DistilConfig("DistilBertForTokenClassification"), model =>
            model.Linear("classifier", DistilBert(model, "distilbert.", Untyped), Labels, bias: true)),
        ["ModernBertModel"] = (ModernConfig("ModernBertModel"), model => ModernBert(model, "", Untyped)),
        ["ModernBertForMaskedLM"] = (ModernConfig("ModernBertForMaskedLM"), model => Tied(
            model, "model.embeddings.tok_embeddings", "decoder.bias",
            ModernHead(model, ModernBert(model, "model.", Untyped)))),
        ["ModernBertForSequenceClassification"] = (ModernConfig("ModernBertForSequenceClassification"), model =>
            model.Linear(
                "classifier", ModernHead(model, [Mean(ModernBert(model, "model.", Untyped))]), Labels, bias: true)),
        ["ModernBertForTokenClassification"] = (ModernConfig("ModernBertForTokenClassification"), model =>
            model.Linear("classifier", ModernHead(model, ModernBert(model, "model.", Untyped)), Labels, bias: true)),
    };

    public static TheoryData<string> Names => [.. Models.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_Float32_EqualsTheDefinition(string name)
    {
        var (config, forward) = Models[name];
        using TemporaryFolder folder = new();
        ReferenceModel model = new(name.Length);
        var expected = forward(model);
        model.Save(folder["checkpoint"], config);
        using (var checkpoint = Checkpoint.Open(folder["checkpoint"]))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        using EncoderRunner runner = new(folder["package"]);
        var actual = runner.Run(
            1, [.. Example.Ids.Select(id => (long)id)],
            [.. Example.Ids.Select((_, position) => Example.Seen(position) ? 1L : 0)],
            [.. Example.Types.Select(type => (long)type)])[runner.Outputs[0]];
        float[] rows = [.. (expected.Length > 1 ? expected[..Example.Length] : expected)
            .SelectMany(row => row).Select(value => (float)value)];
        var max = DecoderParityTests.Difference(actual[..rows.Length], rows);
        output.WriteLine($"{name}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }

    [Theory]
    [InlineData("position_embedding_type", "relative_key", "expected 'absolute'")]
    [InlineData("hidden_act", "mish", "expected 'silu', ")]
    [InlineData("num_attention_heads", 5, "expected a divisor of 'hidden_size', 48")]
    public void Export_ConfigurationOfAnotherKind_NamesTheKey(string key, object value, string expected)
    {
        using TemporaryFolder folder = new();
        ReferenceModel model = new(1);
        Bert(model, "", Example);
        model.Save(folder["checkpoint"], Config("BertModel", new JsonObject { [key] = JsonValue.Create(value) }));
        using var checkpoint = Checkpoint.Open(folder["checkpoint"]);
        var error = Assert.ThrowsAny<Exception>(() => Exporter.Export(checkpoint, folder["package"]));
        Assert.True(error is NotSupportedException or CheckpointException);
        Assert.StartsWith($"'{key}' in the configuration of '", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["package"]));
    }

    [Theory]
    [InlineData("[{\"type\": \"sentence_transformers.models.CNN\"}]", "'type' in the configuration of '")]
    [InlineData("[{\"type\": \"sentence_transformers.models.Dense\"}]", "'path' in the configuration of '")]
    [InlineData("[]", "'modules.json' of '")]
    [InlineData("{", "'modules.json' of '")]
    [InlineData("[3]", "'modules.json' of '")]
    [InlineData("[{\"type\": \"a.Pooling\", \"path\": \"../up\"}]", "'../up/config.json' is no name of a file below '")]
    [InlineData("[{\"type\": \"a.Pooling\", \"path\": \"pool\"}]", "'pool/config.json' of '")]
    public void Export_ModulesOfAnotherForm_SaysWhich(string modules, string expected)
    {
        using TemporaryFolder folder = new();
        ReferenceModel model = new(1);
        Bert(model, "", Example);
        model.Save(folder["checkpoint"], Config("BertModel"));
        File.WriteAllText(Path.Combine(folder["checkpoint"], "modules.json"), modules);
        using var checkpoint = Checkpoint.Open(folder["checkpoint"]);
        var error = Assert.ThrowsAny<Exception>(() => Exporter.Export(checkpoint, folder["package"]));
        Assert.StartsWith(expected, error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["package"]));
    }

    private static JsonObject RobertaConfig(string name) => Config(
        name, new JsonObject { ["pad_token_id"] = Padding, ["type_vocab_size"] = 1 });

    private static JsonObject MpnetConfig(string name) => Config(
        name, new JsonObject { ["pad_token_id"] = Padding, ["relative_attention_num_buckets"] = 32 });

    private static JsonObject DistilConfig(string name) => Config(name, new JsonObject
    {
        ["dim"] = Size, ["hidden_dim"] = Inner, ["n_heads"] = Heads, ["n_layers"] = Layers, ["activation"] = "gelu",
    });

    private static JsonObject ModernConfig(string name) => Config(name, new JsonObject
    {
        ["norm_eps"] = 1e-5, ["norm_bias"] = false, ["global_attn_every_n_layers"] = 2, ["local_attention"] = 6,
        ["global_rope_theta"] = 160_000, ["local_rope_theta"] = 10_000, ["classifier_pooling"] = "mean",
        ["hidden_activation"] = "gelu", ["classifier_activation"] = "gelu", ["tie_word_embeddings"] = true,
    });

    private static double[][] Roberta(ReferenceModel model, string body)
        => Bert(model, body, Untyped, Padding, types: 1);

    private static double[][] Transformed(ReferenceModel model, string dense, string norm, double[][] x) =>
        model.LayerNorm(norm, Gelu(model.Linear(dense, x, Size, bias: true)), 1e-5);

    private static double[][] Classified(ReferenceModel model, double[][] x) => model.Linear(
        "classifier.out_proj", Tanh(model.Linear("classifier.dense", x[..1], Size, bias: true)), Labels, bias: true);

    private static double[][] ModernHead(ReferenceModel model, double[][] x) =>
        PlainNorm(model, "head.norm", Gelu(model.Linear("head.dense", x, Size)));

    private static double[] Mean(double[][] x) =>
        [.. Enumerable.Range(0, Size).Select(index => x.Take(Example.Length).Average(row => row[index]))];
}
