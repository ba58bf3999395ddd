using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Gguf;

// Checks where the tensors lie: whole blocks, aligned, inside the file, apart from one another.
internal static class GgufLayout
{
    // Makes the offsets count from the file's beginning.
    public static List<GgufTensor> Place(ByteCursor cursor, List<GgufTensor> tensors, long dataStart, long alignment)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var placed = tensors.Select(tensor =>
        {
            cursor.Tensor = tensor.Name;
            Check(cursor, tensor, dataStart, alignment);
            return names.Add(tensor.Name)
                ? tensor with { Offset = dataStart + tensor.Offset }
                : throw cursor.Bad($"lists tensor '{tensor.Name}' twice");
        }).ToList();
        GgufTensor? before = null;
        foreach (var tensor in placed.OrderBy(tensor => tensor.Offset))
        {
            cursor.Tensor = tensor.Name;
            if (before is not null && tensor.Offset < before.Offset + before.ByteLength)
            {
                throw cursor.Bad(
                    $"places tensor '{tensor.Name}' at {tensor.Offset}, inside tensor '{before.Name}', which ends at " +
                    $"{before.Offset + before.ByteLength}");
            }

            before = tensor;
        }

        return placed;
    }

    private static void Check(ByteCursor cursor, GgufTensor tensor, long dataStart, long alignment)
    {
        var (name, length) = (tensor.Name, cursor.File.Length);
        var shape = TensorInfo.FormatShape(tensor.Shape);
        if (!TensorInfo.TryCount(tensor.Sizes, out var count) ||
            count / tensor.Type.BlockSize() > length / tensor.Type.BlockBytes())
        {
            throw cursor.Bad($"gives tensor '{name}' the shape {shape}, more than its {length} bytes can hold");
        }

        if (tensor.RowLength % tensor.Type.BlockSize() != 0)
        {
            throw cursor.Bad(
                $"gives tensor '{name}' the shape {shape}; rows of type {tensor.Type} are of whole blocks of " +
                $"{tensor.Type.BlockSize()}");
        }

        if (tensor.Offset % alignment != 0)
        {
            throw cursor.Bad($"places tensor '{name}' at {tensor.Offset}; expected a multiple of {alignment}");
        }

        if (tensor.ByteLength > length - dataStart - tensor.Offset)
        {
            throw cursor.Bad(
                $"ends at byte {length}, inside tensor '{name}' of shape {shape}, which ends at " +
                $"{dataStart + tensor.Offset + tensor.ByteLength}");
        }
    }
}
