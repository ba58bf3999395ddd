using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

/// <summary>Shows a layer its part of a trained prefix: keys, as they are behind rotation, and values.</summary>
/// <param name="prefix">[virtual tokens, layers · 2 · key and value heads · head_dim]</param>
/// <param name="layer">The layer, counted from 0.</param>
/// <param name="heads">The number of key and value heads.</param>
/// <param name="layers">The number of layers.</param>
internal sealed class PrefixKeys(Parameter prefix, int layer, int heads, int layers)
{
    /// <summary>The prefix of all layers.</summary>
    public Parameter Weight => prefix;

    /// <summary>[key and value heads, virtual tokens, head_dim]</summary>
    public Tensor Keys(ScalarType type) => Part(2 * layer, type);

    /// <summary>[key and value heads, virtual tokens, head_dim]</summary>
    public Tensor Values(ScalarType type) => Part((2 * layer) + 1, type);

    private Tensor Part(int index, ScalarType type)
    {
        var width = prefix.shape[1] / (2 * layers);
        return prefix.narrow(1, index * width, width).view(prefix.shape[0], heads, -1).permute(1, 0, 2).to(type);
    }
}
