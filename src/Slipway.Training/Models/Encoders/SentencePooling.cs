using Slipway.Training.Modules;
using Slipway.Training.Modules.Encoders;
using static TorchSharp.torch;

namespace Slipway.Training.Models.Encoders;

/// <summary>Names the way one vector is made of a text's states.</summary>
public enum SentencePooling
{
    /// <summary>Takes the mean of all states.</summary>
    Mean,

    /// <summary>Takes the first state.</summary>
    First,

    /// <summary>Takes the largest element of each lane.</summary>
    Max,
}

/// <summary>Lists the ways of pooling by the names that Sentence Transformers gives to them.</summary>
internal static class SentencePoolings
{
    public static IReadOnlyList<Row> All { get; } =
    [
        new(SentencePooling.Mean, "mean", "pooling_mode_mean_tokens", SequencePooling.Mean),
        new(SentencePooling.First, "cls", "pooling_mode_cls_token", SequencePooling.First),
        new(SentencePooling.Max, "max", "pooling_mode_max_tokens", SequencePooling.Max),
    ];

    public static Row Of(SentencePooling kind) => All.First(row => row.Kind == kind);

    /// <summary>A way of pooling.</summary>
    /// <param name="Kind">The way.</param>
    /// <param name="Name">The value of <c>pooling_mode</c>.</param>
    /// <param name="Flag">The key of older files.</param>
    /// <param name="Apply">Maps [tokens, hidden_size] to [sequences, hidden_size].</param>
    public sealed record Row(
        SentencePooling Kind, string Name, string Flag, Func<Tensor, SequenceLayout, Tensor> Apply);
}
