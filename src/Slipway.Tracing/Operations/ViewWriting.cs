using Slipway.Onnx;
using Slipway.Tracing.Recording;

namespace Slipway.Tracing.Operations;

/// <summary>Puts a changed view back into the tensor that it was taken from.</summary>
/// <remarks>The view's own nodes, run on the positions 0 … n − 1, tell which elements are replaced.</remarks>
internal static class ViewWriting
{
    private static readonly HashSet<string> Rearranging = new(StringComparer.Ordinal)
    {
        "view", "reshape", "flatten", "unflatten", "ravel", "squeeze", "unsqueeze", "alias", "detach", "contiguous",
        "to", "to_type", "cpu",
    };

    /// <summary>The operation on the whole, the new part, the call that took it, and its index there.</summary>
    public static Operation Row { get; } = new("write into a view", call => [Emit(call)], null, IsView: false);

    private static GraphValue Emit(OperationCall call)
    {
        var whole = call.Wrap((TracedValue)call.ArgumentAt(0)!);
        var part = call.Wrap((TracedValue)call.ArgumentAt(1)!);
        var view = call.Nested(2);
        if (Rearranging.Contains(view.Name))
        {
            return ShapeOperations.Reshape(call, part.Value, part.Shape, whole.Shape);
        }

        var old = Recorder.Values((TracedCall)call.ArgumentAt(2)!).First();
        var index = (int)(long)call.ArgumentAt(3)!;
        return IndexEmitter.Replace(
            call, whole,
            positions => call.Builder.With(old, positions, () => view.Emit()[index]),
            part.Value);
    }
}
