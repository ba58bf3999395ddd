using Slipway.Training.Models.Encoders;
using static TorchSharp.torch;

namespace Slipway.Training.Modules.Encoders;

/// <summary>One layer of ModernBERT: norms before blocks, rotary positions, gated feed-forward.</summary>
internal sealed class ModernBertLayer : nn.Module<Tensor, SequenceLayout, ScalarType, Tensor>
{
    private readonly EncoderConfig _config;
    private readonly RotaryEmbedding _rotary;
    private readonly int? _side;
    private readonly LayerNorm? _beforeAttention;
    private readonly Projection _inputs;
    private readonly Projection _mixed;
    private readonly LayerNorm _beforeFeedForward;
    private readonly Projection _up;
    private readonly Projection _down;

    /// <summary>Creates the layer. The rotary tables stay the caller's.</summary>
    public ModernBertLayer(string name, EncoderConfig config, int layer, RotaryEmbedding rotary)
        : base(name)
    {
        var (hidden, inner, modern) = (config.HiddenSize, config.IntermediateSize, config.Modern!);
        (_config, _rotary, _side) = (config, rotary, modern.Side(layer));

        // The embeddings' norm is the first layer's.
        _beforeAttention = layer == 0 ? null : Norm("attn_norm");
        _inputs = Linear("attn.Wqkv", hidden, 3 * hidden, modern.AttentionBias);
        _mixed = Linear("attn.Wo", hidden, hidden, modern.AttentionBias);
        _beforeFeedForward = Norm("mlp_norm");
        _up = Linear("mlp.Wi", hidden, 2 * inner, modern.MlpBias);
        _down = Linear("mlp.Wo", inner, hidden, modern.MlpBias);

        LayerNorm Norm(string path) =>
            ModuleTree.Add(this, path, last => new LayerNorm(last, hidden, config.LayerNormEps, modern.NormBias));

        Projection Linear(string path, int inputs, int outputs, bool bias) =>
            ModuleTree.Add(this, path, last => new Projection(last, inputs, outputs, bias));
    }

    /// <summary>Maps float32 [tokens, hidden_size] to the same shape; products are computed in the asked
    /// type.</summary>
    public override Tensor forward(Tensor hidden, SequenceLayout layout, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var heads = _config.NumAttentionHeads;
        var all = _inputs.forward(_beforeAttention?.forward(hidden, type) ?? hidden.to(type))
            .view(layout.Tokens, 3 * heads, -1);
        all = _rotary.ApplyRotary(all, 2 * heads, _rotary.Rows(layout, hidden.device))
            .view(layout.Tokens, 3, heads, -1);
        hidden = hidden.Plus(_mixed.forward(EncoderAttention.Mix(all, layout, _side)));
        var gates = _up.forward(_beforeFeedForward.forward(hidden, type)).chunk(2, -1);
        var fed = _down.forward(_config.HiddenAct.Apply(gates[0]) * gates[1]);
        return hidden.Plus(fed).MoveToOuterDisposeScope();
    }
}
