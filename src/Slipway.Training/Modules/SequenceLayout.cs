using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Says which of a row of tokens belong to one sequence: sequences lie one after the other, unpadded.</summary>
/// <remarks>Attention never crosses from one sequence into another, and positions count from each one's start.</remarks>
public sealed class SequenceLayout : IDisposable
{
    private readonly int[] _starts;
    private Tensor? _positions;
    private Tensor? _padded;
    private Tensor? _unpadded;

    /// <summary>Lays sequences of the given lengths one after the other.</summary>
    /// <param name="lengths">The number of tokens of each sequence, at least one each.</param>
    public SequenceLayout(ReadOnlySpan<int> lengths)
    {
        ArgumentOutOfRangeException.ThrowIfZero(lengths.Length);
        _starts = new int[lengths.Length + 1];
        for (var index = 0; index < lengths.Length; index++)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(lengths[index]);
            _starts[index + 1] = checked(_starts[index] + lengths[index]);
            Longest = Math.Max(Longest, lengths[index]);
        }
    }

    /// <summary>The number of sequences.</summary>
    public int Sequences => _starts.Length - 1;

    /// <summary>The number of tokens of all sequences.</summary>
    public int Tokens => _starts[^1];

    /// <summary>The length of the longest sequence.</summary>
    public int Longest { get; }

    /// <summary>Where each sequence starts, and at the end the number of tokens.</summary>
    public ReadOnlySpan<int> Starts => _starts;

    /// <summary>Whether all sequences are equally long, so that the tokens are a [sequences, longest] matrix.</summary>
    public bool IsUniform => Tokens == (long)Sequences * Longest;

    /// <summary>Lays equally long sequences one after the other.</summary>
    public static SequenceLayout Uniform(int sequences, int length)
    {
        var lengths = new int[sequences];
        Array.Fill(lengths, length);
        return new SequenceLayout(lengths);
    }

    /// <summary>The position of each token in its sequence: int64 [tokens]. The layout owns the tensor.</summary>
    public Tensor Positions(Device device) => _positions ??= Index(device, (sequence, offset) => offset, padded: false);

    /// <summary>
    /// The token that stands at each place of the padded [sequences, longest] matrix: int64 [sequences × longest].
    /// Padding repeats the sequence's first token. The layout owns the tensor.
    /// </summary>
    public Tensor Padded(Device device) => _padded ??= Index(device,
        (sequence, offset) => _starts[sequence] + (offset < Length(sequence) ? offset : 0), padded: true);

    /// <summary>The place of each token in the padded matrix: int64 [tokens]. The layout owns the tensor.</summary>
    public Tensor Unpadded(Device device) => _unpadded ??= Index(device,
        (sequence, offset) => (sequence * Longest) + offset, padded: false);

    /// <summary>Releases the index tensors.</summary>
    public void Dispose()
    {
        _positions?.Dispose();
        _padded?.Dispose();
        _unpadded?.Dispose();
    }

    private int Length(int sequence) => _starts[sequence + 1] - _starts[sequence];

    private Tensor Index(Device device, Func<int, int, int> place, bool padded)
    {
        var index = new long[padded ? checked(Sequences * Longest) : Tokens];
        var at = 0;
        for (var sequence = 0; sequence < Sequences; sequence++)
        {
            var length = padded ? Longest : Length(sequence);
            for (var offset = 0; offset < length; offset++)
            {
                index[at++] = place(sequence, offset);
            }
        }

        return tensor(index, device: device).DetachFromDisposeScope();
    }
}
