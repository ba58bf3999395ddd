namespace Slipway.Checkpoints.Quantized;

// Finds the weights that are stored as 'NAME.qweight', 'NAME.qzeros', 'NAME.scales' and, where columns are grouped out
// of their order, 'NAME.g_idx'; shapes and groups are checked.
internal static class PackedWeights
{
    public const string CodesSuffix = ".qweight";
    public static readonly IReadOnlyList<string> Suffixes = [CodesSuffix, ".qzeros", ".scales", ".g_idx"];

    public static PackedWeight Describe(
        Checkpoint checkpoint, string root, PackedLayout layout, PackedSettings settings)
    {
        var perNumber = 32 / settings.Bits;
        var codes = Find(checkpoint, root + CodesSuffix, TensorType.I32, TensorType.U32);
        if (codes.Shape.Count != 2)
        {
            throw Bad(checkpoint, codes, "two dimensions");
        }

        var (rows, columns) = layout.Sizes(codes.Shape, perNumber);
        if (rows is < 1 or > int.MaxValue || columns is < 1 or > int.MaxValue)
        {
            throw Bad(checkpoint, codes, "1 or more outputs and inputs");
        }

        var groupSize = settings.GroupSize == -1 ? columns : settings.GroupSize;
        if (groupSize < 1 || groupSize > columns)
        {
            throw new CheckpointException(
                $"'quantization_config.group_size' in the configuration of '{checkpoint.Path}' is " +
                $"'{settings.GroupSize}'; expected -1 or 1 to {columns}, the inputs of '{root}'. Put " +
                "the 'config.json' that was published with these weights beside them.", checkpoint.Path, codes.Name);
        }

        var groups = (columns + groupSize - 1) / groupSize;
        var zeros = Find(checkpoint, root + ".qzeros", TensorType.I32, TensorType.U32);
        CheckShape(checkpoint, zeros, [groups, rows / perNumber], exact: rows % perNumber == 0);
        var scales = Find(checkpoint, root + ".scales", TensorType.F16, TensorType.BF16, TensorType.F32);
        CheckShape(checkpoint, scales, [groups, rows], exact: true);
        var index = ReadGroups(checkpoint, root + ".g_idx", columns, groupSize, groups);
        return new PackedWeight(
            new QuantizedTensorInfo(
                root + ".weight", settings.Bits, (int)groupSize, (int)rows, (int)columns, index),
            codes, zeros, scales);
    }

    // Null where the columns are grouped in their order.
    private static int[]? ReadGroups(Checkpoint checkpoint, string name, long columns, long groupSize, long groups)
    {
        if (!checkpoint.Tensors.ContainsKey(name))
        {
            return null;
        }

        var tensor = Find(checkpoint, name, TensorType.I32, TensorType.I64);
        CheckShape(checkpoint, tensor, [columns], exact: true);
        var values = new float[columns];
        checkpoint.ReadFloats(name, 0, values);
        if (values.Any(value => value < 0 || value >= groups))
        {
            throw Bad(checkpoint, tensor, $"numbers from 0 to {groups - 1}, the groups");
        }

        var index = Array.ConvertAll(values, value => (int)value);
        return Enumerable.Range(0, index.Length).All(i => index[i] == i / groupSize) ? null : index;
    }

    private static TensorInfo Find(Checkpoint checkpoint, string name, params TensorType[] types)
    {
        if (!checkpoint.Tensors.TryGetValue(name, out var tensor))
        {
            throw new CheckpointException(
                $"The checkpoint '{checkpoint.Path}' lacks the tensor '{name}' of a quantized weight. Put the " +
                "weight file that holds it beside the others.", checkpoint.Path, name);
        }

        return types.Contains(tensor.Type) ? tensor : throw Bad(
            checkpoint, tensor, $"the type {string.Join(" or ", types)}");
    }

    private static void CheckShape(Checkpoint checkpoint, TensorInfo tensor, long[] shape, bool exact)
    {
        if (!exact || !tensor.Shape.SequenceEqual(shape))
        {
            throw Bad(checkpoint, tensor, $"the shape {TensorInfo.FormatShape(shape)} for codes and groups");
        }
    }

    private static CheckpointException Bad(Checkpoint checkpoint, TensorInfo tensor, string expected) => new(
        $"Tensor '{tensor.Name}' of '{checkpoint.Path}' has the type {tensor.Type} and the shape " +
        $"{TensorInfo.FormatShape(tensor.Shape)}; expected {expected}. Put the 'config.json' that was " +
        "published with these weights beside them.", checkpoint.Path, tensor.Name);
}
