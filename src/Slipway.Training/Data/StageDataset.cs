using Slipway.Training.Losses;
using Slipway.Training.Models;
using Slipway.Training.Recipes;
using static TorchSharp.torch;

namespace Slipway.Training.Data;

/// <summary>
/// Shows the sequences of a data set as a stage uses them: cut to its length, without the useless ones.
/// </summary>
internal sealed class StageDataset : StageData
{
    private readonly TokenDataset _data;
    private readonly int[] _sequences;
    private readonly ITokenObjective _objective;
    private readonly AddedTokens _added;
    private readonly long _tokens;
    private readonly int _cut;

    public StageDataset(
        TokenDataset data, StageKind kind, int longest, ITokenObjective? objective = null, AddedTokens added = default)
    {
        (_data, Kind, Longest, _added) = (data, kind, longest, added);
        _objective = objective ?? new CrossEntropyObjective(CrossEntropy.Plain);
        var sequences = new List<int>(data.Count);
        for (var sequence = 0; sequence < data.Count; sequence++)
        {
            var length = Math.Min(data.Ids(sequence).Length, longest);
            if (length < 2 || (kind != StageKind.Pretrain && !data.Learned(sequence)[1..length].Contains(true)))
            {
                continue;
            }

            _cut += data.Ids(sequence).Length > longest ? 1 : 0;
            _tokens += length - 1 + added.Virtual;
            sequences.Add(sequence);
        }

        _sequences = [.. sequences];
    }

    public StageKind Kind { get; }

    public int Longest { get; }

    public override int Count => _sequences.Length;

    public override long Tokens => _tokens;

    public override int Cut => _cut;

    public override int LeftOut => _data.Count - Count;

    public override int Length(int index) => Ids(index).Length;

    public ReadOnlySpan<int> Ids(int index)
    {
        var ids = _data.Ids(_sequences[index]);
        return ids[..Math.Min(ids.Length, Longest)];
    }

    /// <summary>Tells whether the stage is to learn a token of a sequence.</summary>
    public bool Learns(int index, int token) => Kind == StageKind.Pretrain || _data.Learned(_sequences[index])[token];

    public override TrainingBatch Batch(ReadOnlySpan<int> indices)
    {
        var tokens = new TokenBatchBuilder(_added);
        foreach (var index in indices)
        {
            tokens.Add(Ids(index), token => Learns(index, token));
        }

        return new ObjectiveBatch(tokens.Build(), _objective);
    }

    private sealed class ObjectiveBatch(TokenBatch tokens, ITokenObjective objective)
        : TrainingBatch<CausalLanguageModel>(tokens)
    {
        public override int Weight => Tokens.TargetCount;

        protected override Tensor Sum(CausalLanguageModel model) => objective.Sum(model, Tokens);
    }
}
