using Slipway.Training.Corpus;
using Slipway.Training.Losses;
using Slipway.Training.Modules;

namespace Slipway.Training.Data.Encoders;

/// <summary>Shows examples to an encoder.</summary>
/// <param name="examples">The examples.</param>
/// <param name="leftOut">How many were left out.</param>
/// <param name="scores">Makes what counts the guesses of an evaluation.</param>
internal abstract class EncoderStageData(
    IReadOnlyList<EncoderExample> examples, int leftOut, Func<GuessScores> scores) : StageData
{
    private GuessScores _scores = scores();

    public override int Count => examples.Count;

    public override long Tokens { get; } = examples.Sum(example => (long)example.Tokens);

    public override int Cut { get; } = examples.Count(example => example.IsCut);

    public override int LeftOut => leftOut;

    public override int Length(int index) => examples[index].Tokens;

    public override void Observe(TrainingBatch batch) => _scores.Add(
        batch.Tokens.Targets.data<long>().ToArray(), batch.Guesses!, batch.Tokens.Sequences.data<long>().ToArray());

    public override IReadOnlyList<(string Name, double Value)> Scores()
    {
        var read = _scores.Read();
        _scores = scores();
        return read;
    }

    protected EncoderExample Example(int index) => examples[index];
}

/// <summary>Shows texts with labels, of the whole or of words.</summary>
internal sealed class LabeledData(
    IReadOnlyList<EncoderExample> examples, int leftOut, LabelNames labels, bool areTags, CrossEntropy loss)
    : EncoderStageData(examples, leftOut, () => new GuessScores(labels.Names, areTags))
{
    public override TrainingBatch Batch(ReadOnlySpan<int> indices)
    {
        var batch = new ExampleBatch();
        foreach (var index in indices)
        {
            batch.Add(Example(index).Texts[0], Example(index).Types, Example(index).Places, Example(index).Targets);
        }

        return new EncoderBatch(batch.Build(), batch.Types(), !areTags, loss);
    }
}

/// <summary>Shows texts in which tokens are hidden: others at each step, the same at each evaluation.</summary>
internal sealed class MaskedData(
    IReadOnlyList<EncoderExample> examples, int leftOut, TokenMasking masking, IReadOnlySet<int> special,
    CrossEntropy loss) : EncoderStageData(examples, leftOut, () => new GuessScores([], areTags: false))
{
    public override TrainingBatch Batch(ReadOnlySpan<int> indices) => Hide(indices, 0);

    public override List<TrainingBatch> Gather(
        IReadOnlyList<int> examples, int parts, long seed, CancellationToken cancellationToken) =>
        [.. Divide(examples, parts, Length).Select(part => Hide(part, seed))];

    private EncoderBatch Hide(ReadOnlySpan<int> indices, long seed)
    {
        var batch = new ExampleBatch();
        foreach (var index in indices)
        {
            var ids = Example(index).Texts[0];
            var random = SeededRandom.ForStream((ulong)seed, (ulong)index);
            var (seen, places) = masking.Apply(ids, special, random.NextBits());
            while (places.Length == 0)   // of a short text, one token is hidden at least
            {
                (seen, places) = masking.Apply(ids, special, random.NextBits());
            }

            batch.Add(seen, null, places, [.. places.Select(place => ids[place])]);
        }

        return new EncoderBatch(batch.Build(), null, isWhole: false, loss);
    }
}

/// <summary>Shows texts with their partners; all of a step's texts are told from each other.</summary>
internal sealed class PairedData(IReadOnlyList<EncoderExample> examples, ContrastiveLoss loss)
    : EncoderStageData(examples, 0, () => new GuessScores([], areTags: false))
{
    public override List<TrainingBatch> Gather(
        IReadOnlyList<int> examples, int parts, long seed, CancellationToken cancellationToken) =>
        [Batch([.. examples])];

    public override TrainingBatch Batch(ReadOnlySpan<int> indices)
    {
        var pairs = indices.ToArray().Select(Example).ToArray();
        var batch = new ExampleBatch();
        for (var side = 0; side < 2; side++)
        {
            for (var pair = 0; pair < pairs.Length; pair++)
            {
                batch.Add(pairs[pair].Texts[side], null, side == 0 ? [0] : [], side == 0 ? [pair] : []);
            }
        }

        foreach (var other in pairs.SelectMany(pair => pair.Texts.Skip(2)))
        {
            batch.Add(other, null, [], []);
        }

        return new SentenceBatch(batch.Build(), pairs.Length, loss);
    }
}

/// <summary>Lays the texts of a batch one after the other.</summary>
internal sealed class ExampleBatch
{
    private readonly List<long> _ids = [];
    private readonly List<long> _types = [];
    private readonly List<long> _positions = [];
    private readonly List<long> _targets = [];
    private readonly List<long> _sequences = [];
    private readonly List<int> _lengths = [];

    public void Add(int[] ids, int[]? types, int[] places, int[] targets)
    {
        _positions.AddRange(places.Select(place => (long)_ids.Count + place));
        _targets.AddRange(targets.Select(target => (long)target));
        _sequences.AddRange(places.Select(_ => (long)_lengths.Count));
        _ids.AddRange(ids.Select(id => (long)id));
        _types.AddRange(types?.Select(type => (long)type) ?? new long[ids.Length]);
        _lengths.Add(ids.Length);
    }

    /// <summary>The kind of each token; null where all are of the first kind.</summary>
    public long[]? Types() => _types.TrueForAll(type => type == 0) ? null : [.. _types];

    public TokenBatch Build() => new(
        new SequenceLayout([.. _lengths]), [.. _ids], [.. _positions], [.. _targets], [.. _sequences]);
}
