using Slipway.Training.Autograd;
using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>
/// Turns query and key heads by their position (Su and others, 2021), in the half-split order of Llama.
/// </summary>
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

    /// <summary>Turns the first heads of [tokens, heads, head_dim] that stand at positions [tokens].</summary>
    /// <param name="heads">The heads; the result has the same number type.</param>
    /// <param name="turned">How many of them turn; the rest is copied.</param>
    /// <param name="positions">int64 [tokens]</param>
    public Tensor ApplyRotary(Tensor heads, int turned, Tensor positions)
    {
        ArgumentNullException.ThrowIfNull(heads);
        if (heads.is_contiguous() && FusedRows.Applies(heads, _cosines.shape[1]))
        {
            return RotaryFunction.Apply(heads, turned, _cosines, _sines, positions);
        }

        using var scope = NewDisposeScope();
        var cosines = _cosines.index_select(0, positions).unsqueeze(1);   // [tokens, 1, head_dim / 2]
        var sines = _sines.index_select(0, positions).unsqueeze(1);
        var halves = heads.narrow(1, 0, turned).to(float32).chunk(2, -1);
        var result = cat(
            [(halves[0] * cosines) - (halves[1] * sines), (halves[1] * cosines) + (halves[0] * sines)], -1)
            .to(heads.dtype);
        var rest = heads.shape[1] - turned;
        return (rest == 0 ? result : cat([result, heads.narrow(1, turned, rest)], 1)).MoveToOuterDisposeScope();
    }

    /// <summary>Releases the tables.</summary>
    public void Dispose()
    {
        _cosines.Dispose();
        _sines.Dispose();
    }
}
