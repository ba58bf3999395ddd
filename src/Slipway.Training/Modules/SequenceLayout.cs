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
    private Tensor? _rows;

    /// <summary>Lays sequences of the given lengths one after the other.</summary>
    /// <param name="lengths">The number of tokens of each sequence, at least one each.</param>
    /// <param name="prefix">How many positions lie before the first token of each: those of a trained prefix.</param>
    public SequenceLayout(ReadOnlySpan<int> lengths, int prefix = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(prefix);
        Prefix = prefix;
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

    /// <summary>The number of positions before the first token of each sequence.</summary>
    public int Prefix { get; }

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
    public Tensor Positions(Device device) => _positions ??= Build(device, int.MaxValue, 0);

    /// <summary>Releases the positions, which are made again where a layer is computed again for its
    /// gradients.</summary>
    public void Dispose()
    {
        _positions?.Dispose();
        _rows?.Dispose();
        (_positions, _rows) = (null, null);
    }

    /// <summary>The position of each token, in sequences beyond a length shifted: int64 [tokens].</summary>
    internal Tensor Rows(Device device, int length, int shift) => _rows ??= Build(device, length, shift);

    private Tensor Build(Device device, int longest, int shift)
    {
        var positions = new long[Tokens];
        var at = 0;
        foreach (var length in _lengths)
        {
            var first = Prefix + (length + Prefix > longest ? shift : 0);
            for (var offset = 0; offset < length; offset++)
            {
                positions[at++] = first + offset;
            }
        }

        return tensor(positions, device: device).DetachFromDisposeScope();
    }
}
