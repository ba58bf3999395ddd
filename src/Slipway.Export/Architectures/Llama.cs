using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Llama, the parent of most decoders.</summary>
/// <remarks>Source: Llama (arXiv 2302.13971), Llama 3 (arXiv 2407.21783).</remarks>
internal class Llama : DecoderArchitecture
{
    public override string PackageType => "llama";

    public override DecoderSizes Sizes(ConfigReader config)
    {
        int hidden = config.Int("hidden_size"), heads = config.Int("num_attention_heads");
        int keyValueHeads = config.Int("num_key_value_heads", heads);
        if (heads % keyValueHeads != 0)
        {
            throw config.Bad("num_key_value_heads", $"a divisor of 'num_attention_heads', {heads}");
        }

        return new DecoderSizes(
            config.Int("vocab_size"), hidden, config.Int("num_hidden_layers"), heads, keyValueHeads,
            config.Int("head_dim", Math.Max(hidden / heads, 1)), config.Int("max_position_embeddings", 2048));
    }

    public override GraphValue Forward(ModuleScope root, DecoderInputs inputs)
    {
        ConfigReader config = root.Config;
        DecoderSizes sizes = Sizes(config);
        float epsilon = (float)config.Number("rms_norm_eps", 1e-6);
        ModuleScope model = root["model"];
        RotaryTable rotary = Rotary(model["rotary_emb"], sizes.HeadSize);
        GatedFeedForward feedForward = new(
            sizes.HiddenSize, config.Int("intermediate_size"), Activations.Find(config, "hidden_act", "silu"),
            config.Flag("mlp_bias", false));
        ResidualStream stream = new(
            model["embed_tokens"].Embedding(inputs.Ids, sizes.VocabularySize, sizes.HiddenSize));
        for (int index = 0; index < sizes.Layers; index++)
        {
            ModuleScope layer = model["layers"][index];
            GraphValue normed = layer["input_layernorm"].RmsNorm(stream, sizes.HiddenSize, epsilon);
            stream.Add(
                layer, Attention(config, sizes, index).Build(layer["self_attn"], normed, inputs, rotary, index));
            normed = layer["post_attention_layernorm"].RmsNorm(stream, sizes.HiddenSize, epsilon);
            stream.Add(layer, feedForward.Build(layer["mlp"], normed));
        }

        return model["norm"].RmsNorm(stream, sizes.HiddenSize, epsilon);
    }

    /// <summary>What a layer's attention is like.</summary>
    protected virtual GroupedAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) => new()
    {
        HiddenSize = sizes.HiddenSize,
        Heads = sizes.Heads,
        KeyValueHeads = sizes.KeyValueHeads,
        HeadSize = sizes.HeadSize,
        InputBias = config.Flag("attention_bias", false),
        OutputBias = config.Flag("attention_bias", false),
    };

    private static RotaryTable Rotary(ModuleScope scope, int size)
    {
        RotaryScaling scaling = RotaryScaling.Read(scope.Config, size);
        return RotaryTable.Write(scope, scaling.Frequencies, scaling.Factor);
    }
}
