using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>One layer of a decoder: attention and feed-forward, each behind a norm and added to the residual.</summary>
public sealed class DecoderLayer : nn.Module<Tensor, SequenceLayout, ScalarType, Tensor>
{
    /// <summary>Creates the layer with unset weights. The rotary tables stay the caller's.</summary>
    public DecoderLayer(string name, ModelConfig config, RotaryEmbedding rotary)
        : base(name)
    {
        ArgumentNullException.ThrowIfNull(config);
        self_attn = new Attention(nameof(self_attn), config, rotary);
        mlp = new GatedFeedForward(nameof(mlp), config);
        input_layernorm = new RmsNorm(nameof(input_layernorm), config.HiddenSize, config.RmsNormEps);
        post_attention_layernorm = new RmsNorm(nameof(post_attention_layernorm), config.HiddenSize, config.RmsNormEps);
        register_module(nameof(self_attn), self_attn);
        register_module(nameof(mlp), mlp);
        register_module(nameof(input_layernorm), input_layernorm);
        register_module(nameof(post_attention_layernorm), post_attention_layernorm);
    }

    private Attention self_attn { get; }

    private GatedFeedForward mlp { get; }

    private RmsNorm input_layernorm { get; }

    private RmsNorm post_attention_layernorm { get; }

    /// <summary>
    /// Maps the float32 residual [tokens, hidden_size]; products are computed in the asked number type.
    /// </summary>
    public override Tensor forward(Tensor residual, SequenceLayout layout, ScalarType type)
    {
        using var scope = NewDisposeScope();
        residual = residual + self_attn.forward(input_layernorm.forward(residual, type), layout);
        residual = residual + mlp.forward(post_attention_layernorm.forward(residual, type));
        return residual.MoveToOuterDisposeScope();
    }
}
