namespace Slipway.Checkpoints.Adapters;

// Rows of an embedding that an adapter trained by themselves: for each token's id its row in the tensor.
internal sealed record LoraTokenRows(TensorInfo Tensor, IReadOnlyDictionary<int, int> Places);
