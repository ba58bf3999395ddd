using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>One layer of a decoder: attention and feed-forward, each behind a norm and added to the residual.</summary>
public sealed class DecoderLayer : nn.Module<Tensor, SequenceLayout, ScalarType, Tensor>
{
    private readonly nn.Module<Tensor, ScalarType, Tensor> _beforeAttention;
    private readonly nn.Module<Tensor, ScalarType, Tensor> _beforeFeedForward;
    private readonly RmsNorm? _afterAttention;
    private readonly RmsNorm? _afterFeedForward;
    private readonly nn.Module<Tensor, Tensor> _feedForward;

    /// <summary>Creates the layer with unset weights. The rotary tables stay the caller's.</summary>
    /// <param name="name">The module's name.</param>
    /// <param name="config">The sizes.</param>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <param name="rotary">The tables of the layer's positions; null where it has none.</param>
    public DecoderLayer(string name, ModelConfig config, int layer, RotaryEmbedding? rotary)
        : base(name)
    {
        ArgumentNullException.ThrowIfNull(config);
        var traits = config.Architecture;
        Attention = new Attention(traits.IsGpt2 ? "attn" : "self_attn", config, layer, rotary);
        _feedForward = traits.IsGpt2 ? new PlainFeedForward("mlp", config)
            : traits.Experts(config, layer) is { } experts ? new ExpertFeedForward(config, experts)
            : new GatedFeedForward("mlp", config);
        register_module(Attention.GetName(), Attention);
        register_module(_feedForward.GetName(), _feedForward);
        if (traits.IsGpt2)
        {
            _beforeAttention = Added(new LayerNorm("ln_1", config.HiddenSize, config.RmsNormEps));
            _beforeFeedForward = Added(new LayerNorm("ln_2", config.HiddenSize, config.RmsNormEps));
            return;
        }

        _beforeAttention = Added(Norm("input_layernorm", config));
        _beforeFeedForward = Added(
            Norm(traits.PostNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm", config));
        if (traits.PostNorms)
        {
            _afterAttention = Added(Norm("post_attention_layernorm", config));
            _afterFeedForward = Added(Norm("post_feedforward_layernorm", config));
        }
    }

    internal Attention Attention { get; }

    /// <summary>
    /// Maps the float32 residual [tokens, hidden_size]; products are computed in the asked number type.
    /// </summary>
    public override Tensor forward(Tensor residual, SequenceLayout layout, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var mixed = Attention.forward(_beforeAttention.forward(residual, type), layout);
        residual = residual.Plus(_afterAttention?.forward(mixed, float32) ?? mixed);
        var fed = _feedForward.forward(_beforeFeedForward.forward(residual, type));
        residual = residual.Plus(_afterFeedForward?.forward(fed, float32) ?? fed);
        return residual.MoveToOuterDisposeScope();
    }

    private static RmsNorm Norm(string name, ModelConfig config) =>
        new(name, config.HiddenSize, config.RmsNormEps, config.Architecture.NormOffset);

    private T Added<T>(T norm)
        where T : nn.Module
    {
        register_module(norm.GetName(), norm);
        return norm;
    }
}
