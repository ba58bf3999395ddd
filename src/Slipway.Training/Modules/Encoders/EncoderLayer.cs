using Slipway.Training.Models.Encoders;
using static TorchSharp.torch;

namespace Slipway.Training.Modules.Encoders;

/// <summary>One layer of BERT: attention both ways and feed-forward, each added and then normed.</summary>
internal sealed class EncoderLayer : nn.Module<Tensor, SequenceLayout, ScalarType, Tensor>
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
        var (hidden, inner, names) = (config.HiddenSize, config.IntermediateSize, config.Architecture.Names.Layer);
        _inputs = [Linear(names.Query, hidden), Linear(names.Key, hidden), Linear(names.Value, hidden)];
        _mixed = Linear(names.Mixed, hidden);
        _afterAttention = Norm(names.AfterAttention);
        _up = Linear(names.Up, inner);
        _down = ModuleTree.Add(this, names.Down, last => new Projection(last, inner, hidden, bias: true));
        _afterFeedForward = Norm(names.AfterFeedForward);

        Projection Linear(string path, int outputs) =>
            ModuleTree.Add(this, path, last => new Projection(last, hidden, outputs, bias: true));

        LayerNorm Norm(string path) =>
            ModuleTree.Add(this, path, last => new LayerNorm(last, hidden, config.LayerNormEps));
    }

    /// <summary>Maps float32 [tokens, hidden_size] to the same shape; products are computed in the asked
    /// type.</summary>
    public override Tensor forward(Tensor hidden, SequenceLayout layout, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var heads = _config.NumAttentionHeads;
        var all = Projection.Joined(hidden.to(type), _inputs).view(layout.Tokens, 3, heads, -1);
        hidden = _afterAttention.forward(hidden.Plus(_mixed.forward(EncoderAttention.Mix(all, layout))), float32);
        var fed = _down.forward(_config.HiddenAct.Apply(_up.forward(hidden.to(type))));
        return _afterFeedForward.forward(hidden.Plus(fed), float32).MoveToOuterDisposeScope();
    }
}
