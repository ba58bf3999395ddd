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

    /// <summary>The tokens of an example.</summary>
    public abstract int Length(int index);

    /// <summary>Gathers examples.</summary>
    public abstract TrainingBatch Batch(ReadOnlySpan<int> indices);
}
