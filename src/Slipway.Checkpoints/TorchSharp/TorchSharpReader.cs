using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.TorchSharp;

// What TorchSharp's Module.save, save_state_dict and Tensor.Save write: LEB128 count; for each entry the name (LEB128
// length, UTF-8), LEB128 torch::ScalarType, LEB128 number of dimensions, LEB128 dimensions, then the elements,
// row-major and little-endian, with nothing between the entries. Lengths are non-negative 64-bit numbers throughout.
internal static class TorchSharpReader
{
    public const int MaxDimensions = 32;
    private const int LongestName = 1 << 16;
    private const int SmallestEntry = 4;

    // torch::ScalarType by number; what is missing (complex and quantized numbers) has no place in a checkpoint.
    public static readonly Dictionary<long, TensorType> Types = new()
    {
        [0] = TensorType.U8,
        [1] = TensorType.I8,
        [2] = TensorType.I16,
        [3] = TensorType.I32,
        [4] = TensorType.I64,
        [5] = TensorType.F16,
        [6] = TensorType.F32,
        [7] = TensorType.F64,
        [11] = TensorType.BOOL,
        [15] = TensorType.BF16,
    };

    public static List<StoredTensor> Read(CheckpointFile file)
    {
        var cursor = new ByteCursor(file, "TorchSharp");
        var count = cursor.ReadLeb128("the number of tensors");
        if (count > cursor.Remaining / SmallestEntry)
        {
            throw cursor.Bad($"states {count} tensors, more than its {file.Length} bytes can hold");
        }

        var tensors = new List<StoredTensor>((int)Math.Min(count, 1 << 16));
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (long i = 0; i < count; i++)
        {
            var tensor = ReadEntry(cursor, i);
            if (!names.Add(tensor.Info.Name))
            {
                throw cursor.Bad($"lists tensor '{tensor.Info.Name}' twice");
            }

            tensors.Add(tensor);
        }

        cursor.Tensor = null;
        return cursor.Remaining == 0
            ? tensors
            : throw cursor.Bad($"has {cursor.Remaining} bytes after its last tensor");
    }

    private static StoredTensor ReadEntry(ByteCursor cursor, long index)
    {
        cursor.Tensor = null;
        var nameLength = cursor.ReadLeb128($"the name's length of entry {index}");
        if (nameLength is 0 or > LongestName)
        {
            throw cursor.Bad($"gives entry {index} a name of {nameLength} bytes; expected 1 to {LongestName}");
        }

        var name = cursor.ReadUtf8((int)nameLength, $"the name of entry {index}");
        cursor.Tensor = name;
        var typeNumber = cursor.ReadLeb128($"the type of tensor '{name}'");
        if (!Types.TryGetValue(typeNumber, out var type))
        {
            throw cursor.Bad(
                $"gives tensor '{name}' the scalar type {typeNumber}; supported are " +
                string.Join(", ", Types.Select(row => $"{row.Key} ({row.Value})")),
                remedy: "Convert the tensor to one of these before it is saved.");
        }

        var shape = ReadShape(cursor, name);
        if (!TensorInfo.TryCount(shape, out var count) || count > long.MaxValue / type.BlockBytes())
        {
            throw cursor.Bad(
                $"gives tensor '{name}' the shape {TensorInfo.FormatShape(shape)}, more than any file can hold");
        }

        var stored = new StoredTensor(new TensorInfo(name, type, shape), cursor.File, cursor.Position);
        cursor.Skip(stored.Info.ByteLength, $"tensor '{name}' of shape {TensorInfo.FormatShape(shape)}");
        return stored;
    }

    private static long[] ReadShape(ByteCursor cursor, string name)
    {
        var dimensions = cursor.ReadLeb128($"the number of dimensions of tensor '{name}'");
        if (dimensions > MaxDimensions)
        {
            throw cursor.Bad($"gives tensor '{name}' {dimensions} dimensions; at most {MaxDimensions} are supported");
        }

        var shape = new long[(int)dimensions];
        for (var i = 0; i < shape.Length; i++)
        {
            shape[i] = cursor.ReadLeb128($"the shape of tensor '{name}'");
        }

        return shape;
    }
}
