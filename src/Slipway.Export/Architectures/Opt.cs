using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>
/// OPT: learned positions, norms with a mean before or after each part, and narrower embeddings in some.
/// </summary>
/// <remarks>Source: OPT (arXiv 2205.01068).</remarks>
internal sealed class Opt : DecoderArchitecture
{
    // The first rows of the table of positions stand for padding.
    private const int FirstPosition = 2;

    public override string PackageType => "opt";

    public override bool TiedByDefault => true;

    public override DecoderNames Names { get; } = new()
    {
        Model = "model.decoder", Norm = "final_layer_norm",
    };

    public override DecoderSizes Sizes(ConfigReader config)
    {
        int hidden = config.Int("hidden_size", 768), heads = config.Int("num_attention_heads", 12);
        return hidden % heads == 0
            ? new DecoderSizes(
                config.Int("vocab_size"), hidden, config.Int("num_hidden_layers", 12), heads, heads, hidden / heads,
                config.Int("max_position_embeddings", 2048))
            : throw config.Bad("num_attention_heads", $"a divisor of 'hidden_size', {hidden}");
    }

    public override GraphValue Head(ModuleScope root, GraphValue hidden)
    {
        var sizes = Sizes(root.Config);
        var head = OutputLayer(root);
        var width = Width(root.Config, sizes);
        return IsTied(root)
            ? Embedding(root).Matrix("weight", sizes.VocabularySize, width).Multiply(head, hidden, default)
            : head.Linear(hidden, width, sizes.VocabularySize);
    }

    protected override GraphValue Begin(ModuleScope model, DecoderInputs inputs, DecoderSizes sizes)
    {
        var width = Width(model.Config, sizes);
        var hidden = model[Names.Embedding].Embedding(inputs.Ids, sizes.VocabularySize, width);
        hidden = width == sizes.HiddenSize ? hidden : model["project_in"].Linear(hidden, width, sizes.HiddenSize);
        var rows = model.Add(inputs.Positions, model.Int(FirstPosition));
        return model.Add(
            hidden, model["embed_positions"].Embedding(rows, sizes.ContextLength + FirstPosition, sizes.HiddenSize));
    }

    protected override GraphValue End(ModuleScope model, ResidualStream stream, DecoderSizes sizes)
    {
        var normed = IsNormedBefore(model.Config) && !model.Config.Flag("_remove_final_layer_norm", false);
        var hidden = normed ? Norm(model[Names.Norm], stream, sizes) : stream.Sum(model);
        var width = Width(model.Config, sizes);
        return width == sizes.HiddenSize ? hidden : model["project_out"].Linear(hidden, sizes.HiddenSize, width);
    }

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        if (IsNormedBefore(layer.Config))
        {
            stream.Add(layer.Scope, Attend(layer, Norm(layer["self_attn_layer_norm"], stream, layer.Sizes)));
            stream.Add(layer.Scope, Feed(layer, Norm(layer["final_layer_norm"], stream, layer.Sizes)));
            return;
        }

        stream.Add(layer.Scope, Attend(layer, stream.Sum(layer.Scope)));
        stream.Replace(Norm(layer["self_attn_layer_norm"], stream, layer.Sizes));
        stream.Add(layer.Scope, Feed(layer, stream.Hidden));
        stream.Replace(Norm(layer["final_layer_norm"], stream, layer.Sizes));
    }

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.Config.Flag("layer_norm_elementwise_affine", true)
            ? scope.LayerNorm(stream.Sum(scope), sizes.HiddenSize, 1e-5f)
            : scope.PlainLayerNorm(stream.Sum(scope), sizes.HiddenSize, 1e-5f);

    private GraphValue Attend(DecoderLayer layer, GraphValue x) =>
        Attention(layer.Config, layer.Sizes, layer.Index)
            .Build(layer[Names.Attention], x, layer.Inputs, layer.Rotary, layer.Index);

    private static GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) => new()
    {
        HiddenSize = sizes.HiddenSize,
        NumAttentionHeads = sizes.Heads,
        NumKeyValueHeads = sizes.KeyValueHeads,
        HeadDim = sizes.HeadDim,
        RotarySize = sizes.HeadDim,
        InputBias = config.Flag("enable_bias", true),
        OutputBias = config.Flag("enable_bias", true),
        Names = new AttentionNames { Output = "out_proj" },
    };

    private static GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        new PlainFeedForward(
            layer.Sizes.HiddenSize, layer.Config.Int("ffn_dim", 3072),
            Activations.Find(layer.Config, "activation_function", "relu"), layer.Config.Flag("enable_bias", true))
        {
            Up = "fc1", Down = "fc2",
        }.Build(layer.Scope, x);

    private static bool IsNormedBefore(ConfigReader config) => config.Flag("do_layer_norm_before", true);

    private static int Width(ConfigReader config, DecoderSizes sizes) =>
        config.Int("word_embed_proj_dim", sizes.HiddenSize);
}
