using Slipway.Training.Recipes;

namespace Slipway.Training.Data;

/// <summary>
/// Shows the sequences of a data set as a stage uses them: cut to its length, without the useless ones.
/// </summary>
internal sealed class StageDataset
{
    private readonly TokenDataset _data;
    private readonly int[] _sequences;

    public StageDataset(TokenDataset data, StageKind kind, int longest)
    {
        (_data, Kind, Longest) = (data, kind, longest);
        var sequences = new List<int>(data.Count);
        for (var sequence = 0; sequence < data.Count; sequence++)
        {
            var length = Math.Min(data.Ids(sequence).Length, longest);
            if (length < 2 || (kind == StageKind.Sft && !data.Learned(sequence)[1..length].Contains(true)))
            {
                continue;
            }

            Cut += data.Ids(sequence).Length > longest ? 1 : 0;
            Tokens += length - 1;
            sequences.Add(sequence);
        }

        _sequences = [.. sequences];
    }

    public StageKind Kind { get; }

    public int Longest { get; }

    /// <summary>The number of sequences.</summary>
    public int Count => _sequences.Length;

    /// <summary>The tokens that the model sees of all sequences.</summary>
    public long Tokens { get; }

    /// <summary>The number of sequences that are longer than the stage allows.</summary>
    public int Cut { get; }

    /// <summary>The number of sequences in which nothing is to be learned.</summary>
    public int LeftOut => _data.Count - Count;

    public ReadOnlySpan<int> Ids(int index)
    {
        var ids = _data.Ids(_sequences[index]);
        return ids[..Math.Min(ids.Length, Longest)];
    }

    /// <summary>Says whether the stage is to learn a token of a sequence.</summary>
    public bool Learns(int index, int token) => Kind == StageKind.Pretrain || _data.Learned(_sequences[index])[token];
}
