using Microsoft.ML.OnnxRuntime.Tensors;

namespace Slipway.Engine.Cache;

/// <summary>Names what a layer carries from step to step that does not grow: a past tensor and its present.</summary>
/// <param name="Past">The input.</param>
/// <param name="Present">The output.</param>
/// <param name="Shape">The shape of one sequence's, without the batch.</param>
/// <param name="Type">Float or half precision.</param>
internal sealed record StateTensor(string Past, string Present, long[] Shape, TensorElementType Type)
{
    /// <summary>Bytes of one sequence.</summary>
    public long SequenceBytes => Shape.Aggregate(
        Type == TensorElementType.Float16 ? 2L : 4L, (bytes, size) => checked(bytes * size));
}
