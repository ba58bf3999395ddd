using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Gguf;

// 'GGUF', u32 version, u64 tensors, u64 metadata entries; entries (name, type, value); tensor infos (name, sizes, type,
// offset); padding to the alignment; data. A string is a u64 length and UTF-8. Source: the GGUF specification,
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
internal sealed class GgufHeader
{
    public const string AlignmentKey = "general.alignment";
    private const int LongestName = 1 << 16;
    private const int LongestText = 1 << 26;
    private const int MaxSizes = 8;
    private const int SmallestEntry = 13;
    private const int SmallestTensor = 32;
    private const int DefaultAlignment = 32;
    private const int MaxAlignment = 1 << 20;
    private const int DeepestArray = 4;

    private GgufHeader(GgufMetadata metadata, List<GgufTensor> tensors)
    {
        Metadata = metadata;
        Tensors = tensors;
    }

    public GgufMetadata Metadata { get; }

    public IReadOnlyList<GgufTensor> Tensors { get; }

    public static GgufHeader Read(CheckpointFile file)
    {
        var cursor = new ByteCursor(file, "GGUF");
        if (!cursor.Take(4, "its signature").SequenceEqual("GGUF"u8))
        {
            throw cursor.Bad("does not begin with 'GGUF'");
        }

        var version = cursor.ReadUInt32("its version");
        if (version is < 2 or > 3)
        {
            throw cursor.Bad(version is 0x0200_0000 or 0x0300_0000
                ? "is big-endian; expected little-endian"
                : $"has the version {version}; expected 2 or 3");
        }

        var tensorCount = ReadCount(cursor, SmallestTensor, "tensors");
        var entryCount = ReadCount(cursor, SmallestEntry, "metadata entries");
        var values = new Dictionary<string, object>(StringComparer.Ordinal);
        for (long i = 0; i < entryCount; i++)
        {
            var key = ReadText(cursor, $"the key of metadata entry {i}", LongestName);
            var type = ReadType(cursor, key);
            if (!values.TryAdd(key, ReadValue(cursor, type, key)))
            {
                throw cursor.Bad($"lists the metadata '{key}' twice");
            }
        }

        var metadata = new GgufMetadata(file, values);
        return new GgufHeader(metadata, ReadTensors(cursor, tensorCount, ReadAlignment(cursor, metadata)));
    }

    internal static object ReadScalar(ByteCursor cursor, GgufValueType type, string key) => type switch
    {
        GgufValueType.UInt8 => (long)cursor.ReadByte(key),
        GgufValueType.Int8 => (long)(sbyte)cursor.ReadByte(key),
        GgufValueType.UInt16 => (long)cursor.ReadUInt16(key),
        GgufValueType.Int16 => (long)(short)cursor.ReadUInt16(key),
        GgufValueType.UInt32 => (long)cursor.ReadUInt32(key),
        GgufValueType.Int32 => (long)(int)cursor.ReadUInt32(key),
        GgufValueType.Int64 => (long)cursor.ReadUInt64(key),
        GgufValueType.UInt64 => cursor.ReadUInt64(key) is <= long.MaxValue and var number
            ? (long)number
            : ulong.MaxValue,
        GgufValueType.Float32 => (double)BitConverter.UInt32BitsToSingle(cursor.ReadUInt32(key)),
        GgufValueType.Float64 => BitConverter.UInt64BitsToDouble(cursor.ReadUInt64(key)),
        GgufValueType.Bool => cursor.ReadByte(key) != 0,
        GgufValueType.String => ReadText(cursor, $"the metadata '{key}'", LongestText),
        _ => throw cursor.Bad($"gives the metadata '{key}' the type {(uint)type}; expected 0 to 12"),
    };

    private static object ReadValue(ByteCursor cursor, GgufValueType type, string key) =>
        type == GgufValueType.Array ? ReadArray(cursor, key, 0) : ReadScalar(cursor, type, key);

    // Walks over the array, so that its bounds are known to be good.
    private static GgufArray ReadArray(ByteCursor cursor, string key, int depth)
    {
        var type = ReadType(cursor, key);
        var size = SmallestSize(type);
        var count = ReadCount(cursor, size, $"values in the metadata '{key}'");
        var array = new GgufArray(type, count, cursor.Position);
        if (type is not (GgufValueType.String or GgufValueType.Array))
        {
            cursor.Skip(count * size, $"the metadata '{key}'");
            return array;
        }

        if (depth == DeepestArray)
        {
            throw cursor.Bad($"nests lists in the metadata '{key}' more than {DeepestArray} deep");
        }

        for (long i = 0; i < count; i++)
        {
            if (type == GgufValueType.Array)
            {
                ReadArray(cursor, key, depth + 1);
            }
            else
            {
                var length = ReadLength(cursor, $"a text in the metadata '{key}'", LongestText);
                cursor.Skip(length, $"the metadata '{key}'");
            }
        }

        return array;
    }

    private static int SmallestSize(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.Array => 12,
        _ => 8,
    };

    private static List<GgufTensor> ReadTensors(ByteCursor cursor, long count, long alignment)
    {
        var tensors = new List<GgufTensor>();
        for (long i = 0; i < count; i++)
        {
            cursor.Tensor = null;
            tensors.Add(ReadTensor(cursor, i));
        }

        cursor.Tensor = null;
        var dataStart = (cursor.Position + alignment - 1) / alignment * alignment;
        return GgufLayout.Place(cursor, tensors, dataStart, alignment);
    }

    private static GgufTensor ReadTensor(ByteCursor cursor, long index)
    {
        var name = ReadText(cursor, $"the name of tensor {index}", LongestName);
        cursor.Tensor = name;
        var dimensions = cursor.ReadUInt32($"the number of dimensions of tensor '{name}'");
        if (dimensions is 0 or > MaxSizes)
        {
            throw cursor.Bad($"gives tensor '{name}' {dimensions} dimensions; expected 1 to {MaxSizes}");
        }

        var sizes = new long[dimensions];
        for (var i = 0; i < sizes.Length; i++)
        {
            var size = cursor.ReadUInt64($"the shape of tensor '{name}'");
            sizes[i] = size is > 0 and <= long.MaxValue ? (long)size : throw cursor.Bad(
                $"gives tensor '{name}' a dimension of {size}; expected 1 or more");
        }

        var number = cursor.ReadUInt32($"the type of tensor '{name}'");
        if (!GgufTypes.ByNumber.TryGetValue(number, out var type))
        {
            throw cursor.Bad(
                $"gives tensor '{name}' the type {number}; supported are " +
                string.Join(", ", GgufTypes.ByNumber.Select(row => $"{row.Key} ({row.Value})")));
        }

        var offset = cursor.ReadUInt64($"the offset of tensor '{name}'");
        if (offset > (ulong)cursor.File.Length)
        {
            throw cursor.Bad($"places tensor '{name}' at {offset}, behind its end at {cursor.File.Length}");
        }

        return new GgufTensor(name, type, sizes, (long)offset, cursor.File);
    }

    private static long ReadAlignment(ByteCursor cursor, GgufMetadata metadata)
    {
        var alignment = metadata.Integer(AlignmentKey) ?? DefaultAlignment;
        return alignment is > 0 and <= MaxAlignment && long.IsPow2(alignment) ? alignment : throw cursor.Bad(
            $"has the alignment {alignment}; expected a power of two up to {MaxAlignment}");
    }

    private static GgufValueType ReadType(ByteCursor cursor, string key)
    {
        var number = cursor.ReadUInt32($"the type of the metadata '{key}'");
        return number <= (uint)GgufValueType.Float64 ? (GgufValueType)number : throw cursor.Bad(
            $"gives the metadata '{key}' the type {number}; expected 0 to {(uint)GgufValueType.Float64}");
    }

    private static long ReadCount(ByteCursor cursor, int smallest, string what)
    {
        var count = cursor.ReadUInt64($"the number of {what}");
        return count <= (ulong)(cursor.Remaining / smallest) ? (long)count : throw cursor.Bad(
            $"states {count} {what}, more than its {cursor.File.Length} bytes can hold");
    }

    private static string ReadText(ByteCursor cursor, string what, int longest) =>
        cursor.ReadUtf8(ReadLength(cursor, what, longest), what);

    private static int ReadLength(ByteCursor cursor, string what, int longest)
    {
        var length = cursor.ReadUInt64($"the length of {what}");
        return length > (ulong)cursor.Remaining ? throw cursor.Bad($"ends at byte {cursor.File.Length}, inside {what}")
            : length > (ulong)longest ? throw cursor.Bad($"has {what} of {length} bytes; at most {longest} are read")
            : (int)length;
    }
}
