using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>
/// Says which of a row of tokens belong to one sequence: sequences lie one after the other, unpadded.
/// </summary>
/// <remarks>
/// Attention never crosses from one sequence into another, and positions count from each one's start.
/// </remarks>
public sealed class SequenceLayout : IDisposable
{
    private readonly long[] _lengths;
    private Tensor? _positions;

    /// <summary>Lays sequences of the given lengths one after the other.</summary>
    /// <param name="lengths">The number of tokens of each sequence, at least one each.</param>
    public SequenceLayout(ReadOnlySpan<int> lengths)
    {
        ArgumentOutOfRangeException.ThrowIfZero(lengths.Length);
        _lengths = new long[lengths.Length];
        for (var index = 0; index < lengths.Length; index++)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lengths[index]);
            _lengths[index] = lengths[index];
            Tokens = checked(Tokens + lengths[index]);
            Longest = Math.Max(Longest, lengths[index]);
        }
    }

    /// <summary>The number of sequences.</summary>
    public int Sequences => _lengths.Length;

    /// <summary>The number of tokens of all sequences.</summary>
    public int Tokens { get; }

    /// <summary>The length of the longest sequence.</summary>
    public int Longest { get; }

    /// <summary>The length of each sequence.</summary>
    public ReadOnlySpan<long> Lengths => _lengths;

    /// <summary>Lays equally long sequences one after the other.</summary>
    public static SequenceLayout Uniform(int sequences, int length)
    {
        var lengths = new int[sequences];
        Array.Fill(lengths, length);
        return new SequenceLayout(lengths);
    }

    /// <summary>The position of each token in its sequence: int64 [tokens]. The layout owns the tensor.</summary>
    public Tensor Positions(Device device)
    {
        if (_positions is null)
        {
            var positions = new long[Tokens];
            var at = 0;
            foreach (var length in _lengths)
            {
                for (var offset = 0; offset < length; offset++)
                {
                    positions[at++] = offset;
                }
            }

            _positions = tensor(positions, device: device).DetachFromDisposeScope();
        }

        return _positions;
    }

    /// <summary>Releases the positions.</summary>
    public void Dispose() => _positions?.Dispose();
}
