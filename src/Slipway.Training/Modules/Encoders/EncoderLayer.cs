using Slipway.Training.Models.Encoders;
using static TorchSharp.torch;

namespace Slipway.Training.Modules.Encoders;

/// <summary>One layer of BERT: attention both ways and feed-forward, each added and then normed.</summary>
internal sealed class EncoderLayer : nn.Module<Tensor, SequenceLayout, Tensor>
{
    private readonly EncoderConfig _config;
    private readonly Projection[] _inputs;
    private readonly Projection _mixed;
    private readonly LayerNorm _afterAttention;
    private readonly Projection _up;
    private readonly Projection _down;
    private readonly LayerNorm _afterFeedForward;

    public EncoderLayer(string name, EncoderConfig config)
        : base(name)
    {
        _config = config;
        var (hidden, inner, epsilon) = (config.HiddenSize, config.IntermediateSize, config.LayerNormEps);
        _inputs =
        [
            new("query", hidden, hidden, bias: true), new("key", hidden, hidden, bias: true),
            new("value", hidden, hidden, bias: true),
        ];
        _mixed = new Projection("dense", hidden, hidden, bias: true);
        _afterAttention = new LayerNorm("LayerNorm", hidden, epsilon);
        _up = new Projection("dense", hidden, inner, bias: true);
        _down = new Projection("dense", inner, hidden, bias: true);
        _afterFeedForward = new LayerNorm("LayerNorm", hidden, epsilon);
        foreach (var part in new[]
        {
            new ModuleGroup(
                "attention", new ModuleGroup("self", _inputs), new ModuleGroup("output", _mixed, _afterAttention)),
            new ModuleGroup("intermediate", _up), new ModuleGroup("output", _down, _afterFeedForward),
        })
        {
            register_module(part.GetName(), part);
        }
    }

    /// <summary>Maps [tokens, hidden_size] to the same shape.</summary>
    public override Tensor forward(Tensor hidden, SequenceLayout layout)
    {
        using var scope = NewDisposeScope();
        hidden = _afterAttention.forward(hidden + _mixed.forward(Attend(hidden, layout)), float32);
        var fed = _down.forward(_config.HiddenAct.Apply(_up.forward(hidden)));
        return _afterFeedForward.forward(hidden + fed, float32).MoveToOuterDisposeScope();
    }

    // One sequence at a time: no padding is computed.
    private Tensor Attend(Tensor hidden, SequenceLayout layout)
    {
        var (heads, width) = (_config.NumAttentionHeads, _config.HiddenSize / _config.NumAttentionHeads);
        var all = Projection.Joined(hidden, _inputs).view(layout.Tokens, 3, heads, width);
        return cat([.. all.split(layout.Lengths, 0).Select(one =>
        {
            var parts = one.permute(1, 2, 0, 3);   // [3, heads, length, width]
            return nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
                .permute(1, 0, 2).reshape(one.shape[0], _config.HiddenSize);
        })]);
    }
}
