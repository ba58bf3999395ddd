using System.Globalization;
using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>
/// Gemma 4 (text): larger heads where there is no window, keys and values that later layers share, an embedding of its
/// own for each layer, and experts beside the feed-forward block.
/// </summary>
/// <remarks>Source: Google's Gemma 4 model card and configuration.</remarks>
internal sealed class Gemma4 : Gemma2
{
    public override string PackageType => "gemma4_text";

    public override DecoderSizes Sizes(ConfigReader config)
    {
        var sizes = base.Sizes(config);
        var shared = config.CountOf("num_kv_shared_layers");
        return shared < sizes.Layers
            ? sizes with { CachedLayers = sizes.Layers - shared }
            : throw config.Bad("num_kv_shared_layers", $"less than 'num_hidden_layers', {sizes.Layers}");
    }

    public override GraphValue Forward(ModuleScope root, DecoderInputs inputs)
    {
        var config = root.Config;
        if (config.Text("use_bidirectional_attention", "") == "all")
        {
            throw config.Unsupported("use_bidirectional_attention", "'vision' or none");
        }

        var sizes = Sizes(config);
        var model = Model(root);
        RotaryTables tables = new(model["rotary_emb"], inputs);
        var embedded = Embed(model[Names.Embedding], inputs.Ids, sizes);
        var layerInputs = LayerInputs.Build(model, inputs.Ids, embedded, sizes);
        Dictionary<bool, SharedKeys> shared = [];
        ResidualStream stream = new(embedded);
        for (var index = 0; index < sizes.Layers; index++)
        {
            var scope = model[Names.Layers][index];
            Layer(new DecoderLayer(scope, index, sizes, inputs, Rotary(tables, sizes, index)), stream, shared);
            layerInputs?.Add(scope, index, stream);
            if (scope.Has("layer_scalar") && scope.ReadVector("layer_scalar", 1)[0] is not 1 and var scale)
            {
                stream.Replace(scope.Mul(stream.Sum(scope), scope.Float(scale)));
            }
        }

        return End(model, stream, sizes);
    }

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.RmsNorm(stream, sizes.HiddenSize, Epsilon(scope.Config));

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer)
    {
        var window = Window(tables.Config, layer) is not null;
        var kind = window ? "sliding_attention" : "full_attention";
        var size = HeadDim(tables.Config, layer);
        return tables.Get(kind, config => config.Section("rope_parameters")?.Section(kind) is { } section
            ? RotaryScaling.Read(config, section, window ? 10000 : 1000000, size)
            : window ? RotaryScaling.Plain(size, 10000)
            : RotaryScaling.Proportional(size, 1000000, 0.25));
    }

    protected override int? Window(ConfigReader config, int layer)
    {
        var last = layer == config.Int("num_hidden_layers") - 1;
        return last ? null
            : config.Has("layer_types") ? LayerTypes.Window(config, layer)
            : (layer + 1) % 6 != 0 ? config.Int("sliding_window", 512)
            : null;
    }

    private void Layer(DecoderLayer layer, ResidualStream stream, Dictionary<bool, SharedKeys> shared)
    {
        var normed = Norm(layer["input_layernorm"], stream, layer.Sizes);
        stream.Add(layer.Scope, After(layer, "post_attention_layernorm", Attend(layer, normed, shared)));
        normed = Norm(layer["pre_feedforward_layernorm"], stream, layer.Sizes);
        var block = FeedForward(layer.Config);
        if (IsShared(layer) && layer.Config.Flag("use_double_wide_mlp", false))
        {
            block = block with { IntermediateSize = 2 * block.IntermediateSize };
        }

        var fed = block.Build(layer["mlp"], normed);
        if (layer.Config.Flag("enable_moe_block", false))
        {
            fed = layer.Scope.Add(
                After(layer, "post_feedforward_layernorm_1", fed),
                After(layer, "post_feedforward_layernorm_2", Experts(layer, stream.Hidden)));
        }

        stream.Add(layer.Scope, After(layer, "post_feedforward_layernorm", fed));
    }

    // The router reads the stream by a norm of its own: x / rms(x) · scale / √hidden.
    private static GraphValue Experts(DecoderLayer layer, GraphValue x)
    {
        var config = layer.Config;
        var sizes = MixtureSizes.Read(config, "num_experts", "moe_intermediate_size", "top_k_experts");
        var router = layer["router"];
        var root = (float)Math.Sqrt(sizes.HiddenSize);
        float[] scale = [.. router.ReadVector("scale", sizes.HiddenSize).Select(value => value / root)];
        var normed = router.SimplifiedLayerNormalization(
            x, router.StoreVector("scale", scale), Epsilon(config));
        var routing = new ProbabilityRouter
        {
            HiddenSize = sizes.HiddenSize, Experts = sizes.Experts, Chosen = sizes.Chosen, Normalize = true,
        }.Build(router["proj"], normed);
        var weights = router.Mul(routing.Scores, router.Vector("per_expert_scale", sizes.Experts));
        return new GroupedFeedForward(
            sizes.HiddenSize, sizes.IntermediateSize, sizes.Experts,
            Activations.Find(config, "hidden_activation", "gelu_pytorch_tanh"))
            .Build(layer["experts"], After(layer, "pre_feedforward_layernorm_2", x), weights);
    }

    private GraphValue Attend(DecoderLayer layer, GraphValue x, Dictionary<bool, SharedKeys> shared)
    {
        var config = layer.Config;
        var window = Window(config, layer.Index);
        var equal = window is null && config.Flag("attention_k_eq_v", false);
        SharedAttention attention = new()
        {
            HiddenSize = layer.Sizes.HiddenSize,
            NumAttentionHeads = layer.Sizes.Heads,
            NumKeyValueHeads = KeyValueHeads(layer, equal),
            HeadDim = HeadDim(config, layer.Index),
            Epsilon = Epsilon(config),
            Bias = config.Flag("attention_bias", false),
            Window = window,
            KeysAreValues = equal,
        };
        var scope = layer["self_attn"];
        if (!IsShared(layer))
        {
            shared[window is null] = attention.BuildKeys(scope, x, layer.Inputs, layer.Index);
            return attention.Build(scope, x, layer.Inputs, layer.Rotary!, shared[window is null]);
        }

        foreach (var name in (string[])["k_proj", "v_proj", "k_norm", "v_norm"])
        {
            layer.Scope.Build.Tensors.Ignore(scope[name].NameOf("weight"));
        }

        return shared.TryGetValue(window is null, out var keys)
            ? attention.Build(scope, x, layer.Inputs, layer.Rotary!, keys with { Present = null })
            : throw config.Bad("num_kv_shared_layers", "a layer of each kind before those that share");
    }

    private static GraphValue After(DecoderLayer layer, string norm, GraphValue x) =>
        layer[norm].RmsNorm(x, layer.Sizes.HiddenSize, Epsilon(layer.Config));

    private static bool IsShared(DecoderLayer layer) => layer.Index >= layer.Sizes.CachedLayers;

    // Newer configurations list what layers without window have of their own; others have keys for it.
    private static ConfigReader? Own(ConfigReader config, int layer) =>
        config.Section("per_layer_config")?.Section(layer.ToString(CultureInfo.InvariantCulture));

    private int HeadDim(ConfigReader config, int layer)
    {
        var common = config.Int("head_dim", 256);
        var size = Own(config, layer) is { } own ? own.Int("head_dim", common)
            : config.Has("per_layer_config") || Window(config, layer) is not null ? common
            : config.Int("global_head_dim", 512);
        return size % 2 == 0 ? size : throw config.Bad("head_dim", "an even number");
    }

    private static int KeyValueHeads(DecoderLayer layer, bool equal)
    {
        var config = layer.Config;
        var heads = Own(config, layer.Index) is { } own ? own.Int("num_key_value_heads", layer.Sizes.KeyValueHeads)
            : equal ? config.Int("num_global_key_value_heads", layer.Sizes.KeyValueHeads)
            : layer.Sizes.KeyValueHeads;
        return layer.Sizes.Heads % heads == 0
            ? heads
            : throw config.Bad(
                "num_global_key_value_heads", $"a divisor of 'num_attention_heads', {layer.Sizes.Heads}");
    }
}
