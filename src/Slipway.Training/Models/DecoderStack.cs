using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

/// <summary>The embedding, the layers and the last norm of a decoder: all of it but the head.</summary>
internal sealed class DecoderStack : nn.Module<Tensor, SequenceLayout, ScalarType, Tensor>
{
    private readonly DecoderLayer[] _layers;

    public DecoderStack(string name, ModelConfig config, RotaryEmbedding rotary)
        : base(name)
    {
        embed_tokens = new TokenEmbedding(nameof(embed_tokens), config.VocabSize, config.HiddenSize);
        _layers = [.. Enumerable.Range(0, config.NumHiddenLayers)
            .Select(index => new DecoderLayer($"layers.{index}", config, rotary))];
        norm = new RmsNorm(nameof(norm), config.HiddenSize, config.RmsNormEps);
        register_module(nameof(embed_tokens), embed_tokens);
        register_module("layers", new ModuleList<DecoderLayer>(_layers));
        register_module(nameof(norm), norm);
    }

    public TokenEmbedding embed_tokens { get; }

    private RmsNorm norm { get; }

    public override Tensor forward(Tensor ids, SequenceLayout layout, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var residual = embed_tokens.forward(ids);   // [tokens, hidden_size]
        foreach (var layer in _layers)
        {
            residual = layer.forward(residual, layout, type);
        }

        return norm.forward(residual, type).MoveToOuterDisposeScope();
    }
}
