using static TorchSharp.torch;

namespace Slipway.Training.Modules.Encoders;

/// <summary>Makes one vector of the states of each sequence.</summary>
internal static class SequencePooling
{
    /// <summary>Takes the first state: [tokens, hidden_size] to [sequences, hidden_size].</summary>
    public static Tensor First(Tensor hidden, SequenceLayout layout)
    {
        using var scope = NewDisposeScope();
        var starts = new long[layout.Sequences];
        for (var sequence = 1; sequence < starts.Length; sequence++)
        {
            starts[sequence] = starts[sequence - 1] + layout.Lengths[sequence - 1];
        }

        return hidden.index_select(0, tensor(starts, device: hidden.device)).MoveToOuterDisposeScope();
    }

    /// <summary>Takes the mean of the states: [tokens, hidden_size] to [sequences, hidden_size].</summary>
    public static Tensor Mean(Tensor hidden, SequenceLayout layout)
    {
        using var scope = NewDisposeScope();
        return stack([.. hidden.split(layout.Lengths, 0).Select(one => one.mean([0]))]).MoveToOuterDisposeScope();
    }

    /// <summary>Takes the largest element of each lane: [tokens, hidden_size] to [sequences, hidden_size].</summary>
    public static Tensor Max(Tensor hidden, SequenceLayout layout)
    {
        using var scope = NewDisposeScope();
        return stack([.. hidden.split(layout.Lengths, 0).Select(one => one.amax([0]))]).MoveToOuterDisposeScope();
    }
}
