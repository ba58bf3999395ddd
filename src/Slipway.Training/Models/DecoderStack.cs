using Slipway.Training.Autograd;
using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;
using LayerNorm = Slipway.Training.Modules.LayerNorm;

namespace Slipway.Training.Models;

/// <summary>The embedding, the layers and the last norm of a decoder: all of it but the head.</summary>
internal sealed class DecoderStack : nn.Module<Tensor, SequenceLayout, ScalarType, Tensor>
{
    private readonly ModelConfig _config;
    private readonly DecoderLayer[] _layers;
    private readonly TokenEmbedding? _positions;
    private readonly nn.Module<Tensor, ScalarType, Tensor> _norm;

    public DecoderStack(ModelConfig config, RotaryTables rotary)
        : base(config.Architecture.Names.Model)
    {
        _config = config;
        var (names, traits) = (config.Architecture.Names, config.Architecture);
        Embedding = new TokenEmbedding(names.Embedding, config.VocabSize, config.HiddenSize);
        register_module(names.Embedding, Embedding);
        if (traits.IsGpt2)
        {
            _positions = new TokenEmbedding("wpe", config.MaxPositionEmbeddings, config.HiddenSize);
            register_module("wpe", _positions);
        }

        _layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(
            index => new DecoderLayer($"{names.Layers}.{index}", config, index, rotary.Of(index)))];
        _norm = traits.IsGpt2 ? new LayerNorm(names.Norm, config.HiddenSize, config.RmsNormEps)
            : new RmsNorm(names.Norm, config.HiddenSize, config.RmsNormEps, traits.NormOffset);
        register_module(names.Layers, new ModuleList<DecoderLayer>(_layers));
        register_module(names.Norm, _norm);
    }

    public TokenEmbedding Embedding { get; }

    public IReadOnlyList<DecoderLayer> Layers => _layers;

    /// <summary>Tells whether layers are computed again for their gradients.</summary>
    public bool Checkpoints { get; set; }

    /// <summary>Vectors that stand for negative ids: -1 is the last of [virtual tokens, hidden_size]; null for
    /// none.</summary>
    public Parameter? VirtualTokens { get; set; }

    public override Tensor forward(Tensor ids, SequenceLayout layout, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var residual = Embed(ids);   // [tokens, hidden_size]
        if (_config.Architecture.ScaledEmbedding)
        {
            residual = residual.Times(Math.Sqrt(_config.HiddenSize));
        }

        if (_positions is not null)
        {
            residual = residual.Plus(_positions.forward(layout.Positions(ids.device)));
        }

        foreach (var layer in _layers)
        {
            residual = Checkpoints
                ? LayerCheckpoint.Apply(layer, residual, input => layer.forward(input, layout, type))
                : layer.forward(residual, layout, type);
        }

        return _norm.forward(residual, type).MoveToOuterDisposeScope();
    }

    private Tensor Embed(Tensor ids)
    {
        if (VirtualTokens is null)
        {
            return Embedding.forward(ids);
        }

        var isVirtual = ids.With(0, static (x, zero) => x.lt(zero));
        var count = VirtualTokens.shape[0];
        var trained = VirtualTokens.index_select(
            0, ids.Plus(count).relu().With(count - 1, static (x, last) => x.clamp_max(last)));
        return where(isVirtual.unsqueeze(1), trained, Embedding.forward(ids.relu()));
    }
}
