using TorchSharp.Modules;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Tables of vectors.</summary>
internal static class EmbeddingOperations
{
    public static IEnumerable<Operation> All =>
    [
        Row("Embedding.forward", call => call.Node("Gather", [
            call.Builder.Weight(((Embedding)call.Object!).weight!), call.Tensor("input").Value])),
    ];
}
