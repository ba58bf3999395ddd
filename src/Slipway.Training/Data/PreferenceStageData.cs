using Slipway.Training.Losses;
using Slipway.Training.Models;
using static TorchSharp.torch;

namespace Slipway.Training.Data;

/// <summary>Shows pairs of a preferred and a rejected answer as a preference method learns from them.</summary>
/// <remarks>
/// Sequences 2·i and 2·i + 1 of the data set are the preferred and the rejected one of a pair. Pairs of which one is
/// longer than the stage allows, or has no answer, are left out: a cut answer is another answer.
/// </remarks>
internal sealed class PreferenceStageData : StageData
{
    private readonly TokenDataset _data;
    private readonly PreferenceLoss _loss;
    private readonly AddedTokens _added;
    private readonly int[] _pairs;

    public PreferenceStageData(TokenDataset data, PreferenceLoss loss, int longest, AddedTokens added = default)
    {
        (_data, _loss, _added) = (data, loss, added);
        _pairs = [.. Enumerable.Range(0, data.Count / 2).Where(pair => Fits(2 * pair) && Fits((2 * pair) + 1))];
        Tokens = _pairs.Sum(pair => (long)PairLength(pair));

        bool Fits(int sequence) =>
            data.Ids(sequence).Length <= longest && data.Learned(sequence)[1..].Contains(true);
    }

    public override int Count => _pairs.Length;

    public override long Tokens { get; }

    public override int LeftOut => (_data.Count / 2) - Count;

    public bool NeedsReference => _loss.NeedsReference;

    /// <summary>The reference model's log-probability of each answer, two a pair: set before batches are
    /// made.</summary>
    public float[]? Reference { get; set; }

    public override int Length(int index) => PairLength(_pairs[index]);

    public override TrainingBatch Batch(ReadOnlySpan<int> indices) => Gather(indices);

    /// <summary>Computes the log-probability of each answer of some pairs by a model as it is: [2 · count].</summary>
    public float[] Score(CausalLanguageModel model, int first, int count)
    {
        using var scope = NewDisposeScope();
        using var batch = Gather([.. Enumerable.Range(first, count)], withReference: false);
        return batch.LogProbabilities(model).data<float>().ToArray();
    }

    private PreferenceBatch Gather(ReadOnlySpan<int> indices, bool withReference = true)
    {
        var tokens = new TokenBatchBuilder(_added);
        var reference = withReference && NeedsReference ? new List<float>(2 * indices.Length) : null;
        foreach (var index in indices)
        {
            foreach (var side in (ReadOnlySpan<int>)[0, 1])
            {
                var sequence = (2 * _pairs[index]) + side;
                tokens.Add(_data.Ids(sequence), token => _data.Learned(sequence)[token]);
                reference?.Add(Reference![(2 * index) + side]);
            }
        }

        return new PreferenceBatch(tokens.Build(), _loss, reference is null ? null : [.. reference]);
    }

    private int PairLength(int pair) => _data.Ids(2 * pair).Length + _data.Ids((2 * pair) + 1).Length - 2;
}
