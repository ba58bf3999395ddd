using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures.Encoders;

/// <summary>DistilBERT: BERT's layers under other names, without token types and pooler.</summary>
/// <remarks>Source: DistilBERT (arXiv 1910.01108).</remarks>
internal sealed class DistilBert(EncoderTask task) : EncoderArchitecture(task)
{
    private const float Epsilon = 1e-12f;

    protected override string Body => "distilbert";

    protected override IReadOnlyList<string> Heads =>
        ["vocab_transform", "vocab_layer_norm", "vocab_projector", "pre_classifier", "classifier"];

    public override int LongestSequence(ConfigReader config) => config.Int("max_position_embeddings", 512);

    protected override int HiddenSize(ConfigReader config) => config.Int("dim", 768);

    protected override GraphValue Forward(ModuleScope body, EncoderInputs inputs)
    {
        var config = body.Config;
        var size = HiddenSize(config);
        var embeddings = body["embeddings"];
        var hidden = embeddings.Add(
            embeddings["word_embeddings"].Embedding(inputs.Ids, config.Int("vocab_size"), size),
            embeddings["position_embeddings"].Embedding(inputs.Positions, LongestSequence(config), size));
        hidden = embeddings["LayerNorm"].LayerNorm(hidden, size, Epsilon);
        for (var layer = 0; layer < config.Int("n_layers", 6); layer++)
        {
            hidden = Layer(body["transformer"]["layer"][layer], hidden, inputs);
        }

        return hidden;
    }

    protected override GraphValue MaskedToken(ModuleScope root, ModuleScope body, GraphValue hidden)
    {
        var size = HiddenSize(root.Config);
        ModuleScope dense = root["vocab_transform"], last = root["vocab_projector"];
        var x = Activation(root.Config)(dense, dense.Linear(hidden, size, size, bias: true));
        x = root["vocab_layer_norm"].LayerNorm(x, size, Epsilon);
        return Vocabulary(
            last, body["embeddings"]["word_embeddings"], last.NameOf("bias"), x);
    }

    protected override GraphValue ClassifySequence(
        ModuleScope root, ModuleScope body, GraphValue hidden, EncoderInputs inputs, int labels)
    {
        var size = HiddenSize(root.Config);
        var dense = root["pre_classifier"];
        var x = dense.Relu(dense.Linear(First(dense, hidden), size, size, bias: true));
        return root["classifier"].Linear(x, size, labels, bias: true);
    }

    private GraphValue Layer(ModuleScope layer, GraphValue hidden, EncoderInputs inputs)
    {
        var config = layer.Config;
        int size = HiddenSize(config), inner = config.Int("hidden_dim", 3072), heads = config.Int("n_heads", 12);
        if (size % heads != 0)
        {
            throw config.Bad("n_heads", $"a divisor of 'dim', {size}");
        }

        ModuleScope attention = layer["attention"], feed = layer["ffn"];
        var x = attention.Attend(
            attention["q_lin"].Linear(hidden, size, size, bias: true),
            attention["k_lin"].Linear(hidden, size, size, bias: true),
            attention["v_lin"].Linear(hidden, size, size, bias: true), inputs.Seen, heads);
        x = attention["out_lin"].Linear(x, size, size, bias: true);
        hidden = layer["sa_layer_norm"].LayerNorm(layer.Add(x, hidden), size, Epsilon);
        x = Activation(config)(feed, feed["lin1"].Linear(hidden, size, inner, bias: true));
        x = feed["lin2"].Linear(x, inner, size, bias: true);
        return layer["output_layer_norm"].LayerNorm(layer.Add(x, hidden), size, Epsilon);
    }

    private static Func<NodeScope, GraphValue, GraphValue> Activation(ConfigReader config) =>
        Activations.Find(config, "activation", "gelu");
}
