using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Turns query and key heads by their position (Su and others, 2021), in the half-split order of Llama.</summary>
/// <remarks>Holds float32 tables for all positions; it has no weights and is not part of a checkpoint.</remarks>
public sealed class RotaryEmbedding : IDisposable
{
    private readonly Tensor _cosines;
    private readonly Tensor _sines;

    /// <summary>Computes the tables.</summary>
    public RotaryEmbedding(ModelConfig config, Device device)
    {
        ArgumentNullException.ThrowIfNull(config);
        using var scope = NewDisposeScope();
        var positions = arange(config.MaxPositionEmbeddings, dtype: float32);
        var angles = outer(positions, tensor(config.Rope.Frequencies(config.HeadDim)));
        _cosines = angles.cos().to(device).DetachFromDisposeScope();
        _sines = angles.sin().to(device).DetachFromDisposeScope();
    }

    /// <summary>[max_position_embeddings, head_dim / 2]</summary>
    public Tensor Cosines => _cosines;

    /// <summary>[max_position_embeddings, head_dim / 2]</summary>
    public Tensor Sines => _sines;

    /// <summary>Turns heads [tokens, heads, head_dim] that stand at positions [tokens].</summary>
    public Tensor Turn(Tensor heads, Tensor positions)
    {
        ArgumentNullException.ThrowIfNull(heads);
        using var scope = NewDisposeScope();
        var cosines = _cosines.index_select(0, positions).unsqueeze(1);   // [tokens, 1, head_dim / 2]
        var sines = _sines.index_select(0, positions).unsqueeze(1);
        var halves = heads.to(float32).chunk(2, -1);
        var turned = cat(
            [(halves[0] * cosines) - (halves[1] * sines), (halves[1] * cosines) + (halves[0] * sines)], -1);
        return turned.to(heads.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>Releases the tables.</summary>
    public void Dispose()
    {
        _cosines.Dispose();
        _sines.Dispose();
    }
}
