using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Looks up the vector of each token.</summary>
public sealed class TokenEmbedding : nn.Module<Tensor, Tensor>
{
    /// <summary>Creates the table with unset weights.</summary>
    public TokenEmbedding(string name, int tokens, int width)
        : base(name)
    {
        weight = new Parameter(zeros(tokens, width));
        register_parameter(nameof(weight), weight);
    }

    /// <summary>[vocab_size, hidden_size]</summary>
    public Parameter weight { get; }

    /// <summary>Answers float32 [tokens, hidden_size] for int64 [tokens].</summary>
    public override Tensor forward(Tensor ids) => weight.index_select(0, ids);
}
