namespace Slipway.Training.Data;

/// <summary>Shows the examples of a data set as a stage learns from them.</summary>
internal abstract class StageData
{
    /// <summary>The number of examples.</summary>
    public abstract int Count { get; }

    /// <summary>The tokens that the model sees of all examples.</summary>
    public abstract long Tokens { get; }

    /// <summary>The number of examples that are longer than the stage allows and were cut.</summary>
    public virtual int Cut => 0;

    /// <summary>The number of examples that are not used: nothing is to be learned of them.</summary>
    public abstract int LeftOut { get; }

    /// <summary>Figures of the last step beside its loss, by the names that the log has.</summary>
    public virtual IReadOnlyList<(string Name, double Value)> Measures => [];

    /// <summary>Takes in what the model chose for an evaluation's batch; one call at a time.</summary>
    public virtual void Observe(TrainingBatch batch)
    {
    }

    /// <summary>Figures of the evaluation that was observed, by the names that the log has.</summary>
    public virtual IReadOnlyList<(string Name, double Value)> Scores() => [];

    /// <summary>The tokens of an example.</summary>
    public abstract int Length(int index);

    /// <summary>Gathers examples.</summary>
    public abstract TrainingBatch Batch(ReadOnlySpan<int> indices);

    /// <summary>Gathers the examples of a step, divided into parts of about as many tokens.</summary>
    /// <param name="examples">The examples.</param>
    /// <param name="parts">The most parts.</param>
    /// <param name="seed">What is drawn for the step is drawn from.</param>
    /// <param name="cancellationToken">Stops what takes long.</param>
    public virtual List<TrainingBatch> Gather(
        IReadOnlyList<int> examples, int parts, long seed, CancellationToken cancellationToken) =>
        [.. Divide(examples, parts, Length).Select(part => Batch(part))];

    /// <summary>Divides examples, the longest first, each to the part that has the fewest tokens.</summary>
    protected static IEnumerable<int[]> Divide(IReadOnlyList<int> examples, int parts, Func<int, int> length)
    {
        var (divided, tokens) = (new List<int>[Math.Min(parts, examples.Count)], new long[parts]);
        for (var part = 0; part < divided.Length; part++)
        {
            divided[part] = [];
        }

        foreach (var example in examples.OrderByDescending(length))
        {
            var part = Array.IndexOf(tokens, tokens.Take(divided.Length).Min());
            divided[part].Add(example);
            tokens[part] += length(example);
        }

        return divided.Select(part => part.ToArray());
    }
}
