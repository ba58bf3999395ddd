using System.Runtime.InteropServices;

namespace Slipway.Training.Data;

/// <summary>Holds tokenized sequences one after the other, and which of their tokens are to be learned.</summary>
/// <remarks>Add from one thread; reading is thread-safe once nothing is added any more.</remarks>
public sealed class TokenDataset
{
    private readonly List<int> _ids = [];
    private readonly List<bool> _learned = [];
    private readonly List<int> _starts = [0];

    /// <summary>The number of sequences.</summary>
    public int Count => _starts.Count - 1;

    /// <summary>The number of tokens of all sequences.</summary>
    public long Tokens => _ids.Count;

    /// <summary>Adds a sequence.</summary>
    /// <param name="ids">The token ids.</param>
    /// <param name="learned">For each token, whether fine-tuning is to learn it.</param>
    public void Add(ReadOnlySpan<int> ids, ReadOnlySpan<bool> learned)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(learned.Length, ids.Length);
        _ids.AddRange(ids);
        _learned.AddRange(learned);
        _starts.Add(_ids.Count);
    }

    /// <summary>The token ids of a sequence.</summary>
    public ReadOnlySpan<int> Ids(int sequence) => Part(_ids, sequence);

    /// <summary>Which tokens of a sequence fine-tuning is to learn.</summary>
    public ReadOnlySpan<bool> Learned(int sequence) => Part(_learned, sequence);

    private ReadOnlySpan<T> Part<T>(List<T> all, int sequence) =>
        CollectionsMarshal.AsSpan(all)[_starts[sequence].._starts[sequence + 1]];
}
