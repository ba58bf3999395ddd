using System.Buffers.Binary;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Gguf;

// A tensor as the file describes it: the innermost dimension first, the offset from the start of the data.
internal sealed record GgufTensor(string Name, TensorType Type, IReadOnlyList<long> Shape, long Offset);

// The front of a GGUF file, versions 2 and 3: metadata by key, then the tensors.
internal sealed class GgufHeader
{
    private const int MostDimensions = 4;
    private const int LongestText = 1 << 24;
    private const int DeepestArray = 4;
    private const long MostArrayElements = 1 << 24;

    // ggml_type by number. The types that are missing here can be named but not read.
    private static readonly Dictionary<uint, TensorType> Types = new()
    {
        [0] = TensorType.F32,
        [1] = TensorType.F16,
        [2] = TensorType.Q4_0,
        [3] = TensorType.Q4_1,
        [6] = TensorType.Q5_0,
        [7] = TensorType.Q5_1,
        [8] = TensorType.Q8_0,
        [10] = TensorType.Q2_K,
        [11] = TensorType.Q3_K,
        [12] = TensorType.Q4_K,
        [13] = TensorType.Q5_K,
        [14] = TensorType.Q6_K,
        [20] = TensorType.IQ4_NL,
        [23] = TensorType.IQ4_XS,
        [24] = TensorType.I8,
        [25] = TensorType.I16,
        [26] = TensorType.I32,
        [27] = TensorType.I64,
        [28] = TensorType.F64,
        [30] = TensorType.BF16,
        [34] = TensorType.TQ1_0,
        [35] = TensorType.TQ2_0,
        [39] = TensorType.MXFP4,
    };

    private static readonly Dictionary<uint, string> Unread = new()
    {
        [16] = "IQ2_XXS",
        [17] = "IQ2_XS",
        [18] = "IQ3_XXS",
        [19] = "IQ1_S",
        [21] = "IQ3_S",
        [22] = "IQ2_S",
        [29] = "IQ1_M",
        [40] = "NVFP4",
    };

    private readonly ByteCursor cursor;

    private GgufHeader(ByteCursor cursor) => this.cursor = cursor;

    public Dictionary<string, object> Metadata { get; } = new(StringComparer.Ordinal);

    public List<GgufTensor> Tensors { get; } = [];

    // Where the tensors' data starts.
    public long DataStart { get; private set; }

    public static GgufHeader Read(CheckpointFile file)
    {
        var header = new GgufHeader(new ByteCursor(file, "GGUF"));
        header.ReadAll();
        return header;
    }

    private void ReadAll()
    {
        if (!cursor.Take(4, "its signature").SequenceEqual("GGUF"u8))
        {
            throw cursor.Bad("does not begin with 'GGUF'");
        }

        var version = cursor.ReadUInt32("its version");
        if (version is not (2 or 3))
        {
            throw cursor.Bad($"has version {version}; versions 2 and 3 in little-endian order are read");
        }

        var tensors = Count("the number of tensors", 24);
        var entries = Count("the number of metadata entries", 13);
        for (long i = 0; i < entries; i++)
        {
            var key = Text("a metadata key");
            var value = Value(cursor.ReadUInt32($"the type of '{key}'"), key, 0);
            if (!Metadata.TryAdd(key, value))
            {
                throw cursor.Bad($"has the metadata key '{key}' twice");
            }
        }

        for (long i = 0; i < tensors; i++)
        {
            Tensors.Add(ReadTensor());
        }

        cursor.Tensor = null;
        var alignment = Metadata.GetValueOrDefault("general.alignment") is ulong stated ? stated : 32;
        if (alignment is 0 or > 1 << 20 || (alignment & (alignment - 1)) != 0)
        {
            throw cursor.Bad($"has 'general.alignment' '{alignment}'; expected a power of two up to 1048576");
        }

        DataStart = (cursor.Position + (long)alignment - 1) / (long)alignment * (long)alignment;
        foreach (var tensor in Tensors)
        {
            CheckRange(tensor);
        }
    }

    private GgufTensor ReadTensor()
    {
        var name = Text("a tensor's name");
        cursor.Tensor = name;
        var dimensions = cursor.ReadUInt32($"the number of dimensions of tensor '{name}'");
        if (dimensions > MostDimensions)
        {
            throw cursor.Bad($"gives tensor '{name}' {dimensions} dimensions; at most {MostDimensions} are possible");
        }

        var shape = new long[dimensions];
        for (var i = 0; i < shape.Length; i++)
        {
            shape[i] = (long)Math.Min(cursor.ReadUInt64($"the shape of tensor '{name}'"), long.MaxValue);
        }

        var number = cursor.ReadUInt32($"the type of tensor '{name}'");
        if (!Types.TryGetValue(number, out var type))
        {
            throw cursor.Bad(Unread.TryGetValue(number, out var known)
                ? $"holds tensor '{name}' of type '{known}', which cannot be read; choose a file of another type"
                : $"gives tensor '{name}' the type number {number}, which is not known");
        }

        var offset = cursor.ReadUInt64($"the offset of tensor '{name}'");
        if (!TensorInfo.TryCount(shape, out _) || (shape.Length > 0 && shape[0] % type.BlockSize() != 0))
        {
            throw cursor.Bad(
                $"gives tensor '{name}' of type '{type}' the shape {TensorInfo.FormatShape(shape)}; its first dimension "
                + $"must be a multiple of {type.BlockSize()} and the whole must fit a file");
        }

        return new GgufTensor(name, type, shape, (long)Math.Min(offset, long.MaxValue));
    }

    private void CheckRange(GgufTensor tensor)
    {
        cursor.Tensor = tensor.Name;
        var bytes = new TensorInfo(tensor.Name, tensor.Type, tensor.Shape);
        var room = cursor.File.Length - DataStart;
        if (bytes.Count / tensor.Type.BlockSize() > room / tensor.Type.BlockBytes()
            || tensor.Offset > room - bytes.ByteLength)
        {
            throw cursor.Bad(
                $"ends at byte {cursor.File.Length}, inside tensor '{tensor.Name}' of shape "
                + $"{TensorInfo.FormatShape(tensor.Shape)}");
        }
    }

    private object Value(uint type, string key, int depth) => type switch
    {
        0 => (ulong)cursor.ReadByte($"'{key}'"),
        1 => (long)(sbyte)cursor.ReadByte($"'{key}'"),
        2 => (ulong)BinaryPrimitives.ReadUInt16LittleEndian(cursor.Take(2, $"'{key}'")),
        3 => (long)BinaryPrimitives.ReadInt16LittleEndian(cursor.Take(2, $"'{key}'")),
        4 => (ulong)cursor.ReadUInt32($"'{key}'"),
        5 => (long)(int)cursor.ReadUInt32($"'{key}'"),
        6 => (double)BitConverter.UInt32BitsToSingle(cursor.ReadUInt32($"'{key}'")),
        7 => cursor.ReadByte($"'{key}'") != 0,
        8 => Text($"'{key}'"),
        9 => Values(key, depth),
        10 => cursor.ReadUInt64($"'{key}'"),
        11 => (long)cursor.ReadUInt64($"'{key}'"),
        12 => BitConverter.UInt64BitsToDouble(cursor.ReadUInt64($"'{key}'")),
        _ => throw cursor.Bad($"gives the metadata key '{key}' the type number {type}, which is not known"),
    };

    private object[] Values(string key, int depth)
    {
        var type = cursor.ReadUInt32($"the element type of '{key}'");
        var count = Count($"the length of '{key}'", 1);
        if (depth >= DeepestArray || count > MostArrayElements)
        {
            throw cursor.Bad($"has a list of {count} elements, {depth + 1} deep, under the metadata key '{key}'");
        }

        var values = new List<object>((int)Math.Min(count, 1 << 12));
        for (long i = 0; i < count; i++)
        {
            values.Add(Value(type, key, depth + 1));
        }

        return [.. values];
    }

    // A count of things of which each takes so many bytes at least.
    private long Count(string what, int least)
    {
        var count = cursor.ReadUInt64(what);
        return count <= (ulong)(cursor.Remaining / least)
            ? (long)count
            : throw cursor.Bad($"states {count} for {what}, more than its {cursor.File.Length} bytes can hold");
    }

    private string Text(string what)
    {
        var length = cursor.ReadUInt64($"the length of {what}");
        return length <= LongestText
            ? cursor.ReadUtf8((int)length, what)
            : throw cursor.Bad($"gives {what} a length of {length} bytes; at most {LongestText} are possible");
    }
}
