using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures.Encoders;

/// <summary>BERT, the parent of most encoders.</summary>
/// <remarks>Source: BERT (arXiv 1810.04805).</remarks>
internal class Bert(EncoderTask task) : EncoderArchitecture(task)
{
    protected override string Body => "bert";

    protected override IReadOnlyList<string> Heads => ["cls", "classifier", "pooler"];

    protected override bool HasTokenTypes(ConfigReader config) => true;

    public override int LongestSequence(ConfigReader config) => config.Int("max_position_embeddings", 512);

    protected override GraphValue Forward(ModuleScope body, EncoderInputs inputs)
    {
        var config = body.Config;
        if (config.Text("position_embedding_type", "absolute") != "absolute")
        {
            throw config.Unsupported("position_embedding_type", "'absolute'");
        }

        if (config.Flag("is_decoder", false))
        {
            throw config.Unsupported("is_decoder", "'false'");
        }

        inputs = Prepare(body, inputs);
        var hidden = Embed(body["embeddings"], inputs);
        for (var layer = 0; layer < config.Int("num_hidden_layers"); layer++)
        {
            hidden = Layer(body["encoder"]["layer"][layer], hidden, inputs);
        }

        return hidden;
    }

    protected override GraphValue Pool(ModuleScope body, GraphValue hidden)
    {
        var dense = body["pooler"]["dense"];
        return dense.Has("weight") ? Dense(dense, First(dense, hidden)) : default;

        GraphValue Dense(ModuleScope scope, GraphValue x) =>
            scope.Tanh(scope.Linear(x, HiddenSize(scope.Config), HiddenSize(scope.Config), bias: true));
    }

    protected override GraphValue MaskedToken(ModuleScope root, ModuleScope body, GraphValue hidden)
    {
        var head = root["cls"]["predictions"];
        var x = Transform(head["transform"]["dense"], head["transform"]["LayerNorm"], hidden);
        return Vocabulary(
            head["decoder"], body["embeddings"]["word_embeddings"], head.NameOf("bias"), x);
    }

    protected override GraphValue ClassifySequence(
        ModuleScope root, ModuleScope body, GraphValue hidden, EncoderInputs inputs, int labels)
    {
        var size = HiddenSize(root.Config);
        var dense = body["pooler"]["dense"];
        var pooled = dense.Tanh(dense.Linear(First(dense, hidden), size, size, bias: true));
        return root["classifier"].Linear(pooled, size, labels, bias: true);
    }

    /// <summary>Inputs that all layers share.</summary>
    protected virtual EncoderInputs Prepare(ModuleScope body, EncoderInputs inputs) => inputs;

    /// <summary>The first hidden states.</summary>
    protected virtual GraphValue Embed(ModuleScope scope, EncoderInputs inputs)
    {
        var config = scope.Config;
        var size = HiddenSize(config);
        var sum = scope.Add(
            scope["word_embeddings"].Embedding(inputs.Ids, VocabularySize(scope), size),
            scope["position_embeddings"].Embedding(
                Positions(scope, inputs), config.Int("max_position_embeddings", 512), size));
        var types = TokenTypes(config);
        if (types > 0)
        {
            sum = scope.Add(sum, scope["token_type_embeddings"].Embedding(
                HasTokenTypes(config) ? inputs.TokenTypes : scope.Ints(0), types, size));
        }

        return scope["LayerNorm"].LayerNorm(sum, size, Epsilon(config));
    }

    /// <summary>The number of types of tokens; 0 where there is no table of them.</summary>
    protected virtual int TokenTypes(ConfigReader config) => config.Int("type_vocab_size", 2);

    /// <summary>Positions in the table of positions, [sequence] or [batch, sequence].</summary>
    protected virtual GraphValue Positions(ModuleScope scope, EncoderInputs inputs) => inputs.Positions;

    /// <summary>The names of attention's linear layers, and of the norm after it.</summary>
    protected virtual AttentionNames Attention { get; } = new(
        "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
        "attention.output.LayerNorm");

    /// <summary>A linear layer, the activation and a norm: what heads over the vocabulary begin with.</summary>
    protected GraphValue Transform(ModuleScope dense, ModuleScope norm, GraphValue hidden)
    {
        var size = HiddenSize(dense.Config);
        var x = Activation(dense.Config)(dense, dense.Linear(hidden, size, size, bias: true));
        return norm.LayerNorm(x, size, Epsilon(norm.Config));
    }

    protected static int VocabularySize(ModuleScope scope) => scope.Config.Int("vocab_size");

    protected static float Epsilon(ConfigReader config) => (float)config.Number("layer_norm_eps", 1e-12);

    protected static int AttentionHeads(ConfigReader config)
    {
        int size = config.Int("hidden_size"), heads = config.Int("num_attention_heads");
        return size % heads == 0
            ? heads
            : throw config.Bad("num_attention_heads", $"a divisor of 'hidden_size', {size}");
    }

    private static Func<NodeScope, GraphValue, GraphValue> Activation(ConfigReader config) =>
        Activations.Find(config, "hidden_act", "gelu");

    private GraphValue Layer(ModuleScope layer, GraphValue hidden, EncoderInputs inputs)
    {
        var config = layer.Config;
        int size = HiddenSize(config), inner = config.Int("intermediate_size");
        var names = Attention;
        var attended = layer["attention"].Attend(
            layer[names.Query].Linear(hidden, size, size, bias: true),
            layer[names.Key].Linear(hidden, size, size, bias: true),
            layer[names.Value].Linear(hidden, size, size, bias: true), inputs.Seen, AttentionHeads(config),
            inputs.Bias);
        attended = layer[names.Output].Linear(attended, size, size, bias: true);
        hidden = layer[names.Norm].LayerNorm(layer.Add(attended, hidden), size, Epsilon(config));
        ModuleScope first = layer["intermediate"]["dense"], second = layer["output"];
        var x = Activation(config)(first, first.Linear(hidden, size, inner, bias: true));
        x = second["dense"].Linear(x, inner, size, bias: true);
        return second["LayerNorm"].LayerNorm(layer.Add(x, hidden), size, Epsilon(config));
    }

    /// <summary>Names of a layer's modules.</summary>
    protected sealed record AttentionNames(string Query, string Key, string Value, string Output, string Norm);
}
