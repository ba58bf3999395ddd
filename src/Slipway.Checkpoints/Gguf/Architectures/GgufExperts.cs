namespace Slipway.Checkpoints.Gguf.Architectures;

// The weights of all experts lie in one tensor, [experts, outputs, inputs].
internal static class GgufExperts
{
    private const int MaxExperts = 4096;

    // One tensor an expert, as checkpoints with a module for each expert name them.
    public static IEnumerable<GgufSource> Split(GgufTensor tensor, Func<int, string> nameOf)
    {
        var (experts, rows) = (Count(tensor), tensor.Sizes[1]);
        return Enumerable.Range(0, experts).Select(expert => new GgufRows(
            new TensorInfo(nameOf(expert), tensor.Type, [rows, tensor.RowLength]), tensor)
        {
            FirstRow = expert * rows,
        });
    }

    public static int Count(GgufTensor tensor) =>
        tensor.Sizes.Length == 3 && tensor.Sizes[2] <= MaxExperts ? (int)tensor.Sizes[2] : throw
            new CheckpointException(
                $"Tensor '{tensor.Name}' of '{tensor.File.Path}' has the shape " +
                $"{TensorInfo.FormatShape(tensor.Shape)}; expected three dimensions, the first of at "
                + $"most {MaxExperts} experts. Convert the model again.",
                tensor.File.Path, tensor.Name);
}
