using Slipway.Training.Autograd;
using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>
/// Turns query and key heads by their position (Su and others, 2021), in the half-split order of Llama.
/// </summary>
/// <remarks>
/// Holds float32 tables for all positions; it has no weights and is not part of a checkpoint. Where long sequences have
/// frequencies of their own, their tables lie behind those of short ones.
/// </remarks>
public sealed class RotaryEmbedding : IDisposable
{
    private readonly Tensor _cosines;
    private readonly Tensor _sines;
    private readonly int _rotaryDim;
    private readonly int _positions;
    private readonly int _originalLength;

    /// <summary>Computes the tables.</summary>
    /// <param name="rope">The frequencies.</param>
    /// <param name="headDim">The width of a head.</param>
    /// <param name="positions">The number of positions.</param>
    /// <param name="device">The tables' device.</param>
    public RotaryEmbedding(RopeParameters rope, int headDim, int positions, Device device)
    {
        ArgumentNullException.ThrowIfNull(rope);
        using var scope = NewDisposeScope();
        (_rotaryDim, _positions, _originalLength) = (rope.RotaryDim(headDim), positions, rope.OriginalLength);
        var steps = TensorArithmetic.Indices(positions).to(float32);
        var angles = outer(steps, tensor(rope.Frequencies(headDim)));
        if (_originalLength < positions)
        {
            angles = cat([angles, outer(steps, tensor(rope.LongFrequencies(headDim)))]);
        }

        var factor = rope.AttentionFactor;
        _cosines = Scaled(angles.cos(), factor).to(device).DetachFromDisposeScope();
        _sines = Scaled(angles.sin(), factor).to(device).DetachFromDisposeScope();
    }

    /// <summary>[positions, or twice as many where long sequences differ, rotary width / 2]</summary>
    public Tensor Cosines => _cosines;

    /// <summary>[positions, or twice as many where long sequences differ, rotary width / 2]</summary>
    public Tensor Sines => _sines;

    /// <summary>Finds the tables' row of each token: int64 [tokens]. The layout owns the tensor.</summary>
    public Tensor Rows(SequenceLayout layout, Device device)
    {
        ArgumentNullException.ThrowIfNull(layout);
        return layout.Longest + layout.Prefix <= _originalLength
            ? layout.Positions(device) : layout.Rows(device, _originalLength, _positions);
    }

    /// <summary>Turns the first heads of [tokens, heads, head_dim] that stand at rows [tokens] of the tables.</summary>
    /// <param name="heads">The heads; the result has the same number type.</param>
    /// <param name="turned">How many of them turn; the rest is copied.</param>
    /// <param name="rows">int64 [tokens]</param>
    public Tensor ApplyRotary(Tensor heads, int turned, Tensor rows)
    {
        ArgumentNullException.ThrowIfNull(heads);
        if (_rotaryDim == heads.shape[2] && heads.is_contiguous() && FusedRows.Applies(heads, _cosines.shape[1]))
        {
            return RotaryFunction.Apply(heads, turned, _cosines, _sines, rows);
        }

        using var scope = NewDisposeScope();
        var cosines = _cosines.index_select(0, rows).unsqueeze(1);   // [tokens, 1, rotary width / 2]
        var sines = _sines.index_select(0, rows).unsqueeze(1);
        var turning = heads.narrow(1, 0, turned);
        var halves = turning.narrow(2, 0, _rotaryDim).to(float32).chunk(2, -1);
        var result = cat(
            [(halves[0] * cosines) - (halves[1] * sines), (halves[1] * cosines).Plus(halves[0] * sines)], -1)
            .to(heads.dtype);
        if (_rotaryDim < heads.shape[2])
        {
            result = cat([result, turning.narrow(2, _rotaryDim, heads.shape[2] - _rotaryDim)], -1);
        }

        var rest = heads.shape[1] - turned;
        return (rest == 0 ? result : cat([result, heads.narrow(1, turned, rest)], 1)).MoveToOuterDisposeScope();
    }

    /// <summary>Releases the tables.</summary>
    public void Dispose()
    {
        _cosines.Dispose();
        _sines.Dispose();
    }

    private static Tensor Scaled(Tensor table, double factor) => factor == 1 ? table : table.Times(factor);
}
