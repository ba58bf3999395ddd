using System.Buffers.Binary;
using System.Text.Json;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Safetensors;

// u64 header length, JSON header, data. The header is {"NAME": {"dtype", "shape", "data_offsets": [begin, end]}, …,
// "__metadata__": {strings}}; offsets count from the data's beginning and cover it without gap or overlap.
internal static class SafetensorsHeader
{
    public const long MaxHeader = 100_000_000;
    private const int MaxDepth = 8;
    private const int MaxDimensions = 32;

    private static readonly Dictionary<string, TensorType> Types = new(StringComparer.Ordinal)
    {
        ["F64"] = TensorType.F64,
        ["F32"] = TensorType.F32,
        ["F16"] = TensorType.F16,
        ["BF16"] = TensorType.BF16,
        ["F8_E4M3"] = TensorType.F8_E4M3,
        ["F8_E5M2"] = TensorType.F8_E5M2,
        ["F8_E8M0"] = TensorType.F8_E8M0,
        ["I64"] = TensorType.I64,
        ["U64"] = TensorType.U64,
        ["I32"] = TensorType.I32,
        ["U32"] = TensorType.U32,
        ["I16"] = TensorType.I16,
        ["U16"] = TensorType.U16,
        ["I8"] = TensorType.I8,
        ["U8"] = TensorType.U8,
        ["BOOL"] = TensorType.BOOL,
    };

    public static IEnumerable<StoredTensor> Read(CheckpointFile file)
    {
        Span<byte> prefix = stackalloc byte[8];
        if (file.Length < prefix.Length)
        {
            throw Bad(file, $"has {file.Length} bytes, too few for the 8 bytes of a header length");
        }

        file.Read(0, prefix);
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > MaxHeader)
        {
            throw Bad(file, $"states a header of {headerLength} bytes; at most {MaxHeader} are allowed");
        }

        if (headerLength > (ulong)(file.Length - prefix.Length))
        {
            throw Bad(file, $"ends at byte {file.Length}, inside its header of {headerLength} bytes");
        }

        var json = new byte[(int)headerLength];
        file.Read(prefix.Length, json);
        var dataStart = prefix.Length + (long)headerLength;
        var tensors = ReadTensors(file, json, dataStart);
        CheckCoverage(file, tensors, dataStart);
        return tensors;
    }

    private static List<StoredTensor> ReadTensors(CheckpointFile file, byte[] json, long dataStart)
    {
        var tensors = new List<StoredTensor>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
            reader.Read();
            Expect(ref reader, JsonTokenType.StartObject, file, "the header");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                if (!names.Add(name))
                {
                    throw Bad(file, $"lists tensor '{name}' twice", name);
                }

                reader.Read();
                if (name == "__metadata__")
                {
                    reader.Skip();
                }
                else
                {
                    tensors.Add(ReadTensor(ref reader, file, name, dataStart));
                }
            }

            // Padding may follow the object, anything else may not.
            if (reader.Read())
            {
                throw Bad(file, "holds more than one JSON value in its header");
            }
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new CheckpointException(
                $"The safetensors file '{file.Path}' has a header that is not valid: {error.Message} Copy or " +
                "download it again.", file.Path, innerException: error);
        }

        return tensors;
    }

    private static StoredTensor ReadTensor(
        ref Utf8JsonReader reader, CheckpointFile file, string name, long dataStart)
    {
        Expect(ref reader, JsonTokenType.StartObject, file, $"tensor '{name}'", name);
        string? dtype = null;
        List<long>? shape = null;
        List<long>? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString();
            reader.Read();
            switch (key)
            {
                case "dtype" when dtype is null:
                    Expect(ref reader, JsonTokenType.String, file, $"'dtype' of tensor '{name}'", name);
                    dtype = reader.GetString();
                    break;
                case "shape" when shape is null:
                    shape = ReadSizes(ref reader, file, "shape", name);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadSizes(ref reader, file, "data_offsets", name);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw Bad(file, $"states '{key}' of tensor '{name}' twice", name);
                default:
                    reader.Skip();
                    break;
            }
        }

        if (dtype is null || shape is null || offsets is not [var begin, var end])
        {
            throw Bad(file, $"must state 'dtype', 'shape' and two 'data_offsets' of tensor '{name}'", name);
        }

        if (!Types.TryGetValue(dtype, out var type))
        {
            throw new CheckpointException(
                $"Tensor '{name}' in '{file.Path}' has the unknown dtype '{dtype}'. Expected one of " +
                $"{string.Join(", ", Types.Keys)}; convert the tensor to one of them.", file.Path, name);
        }

        return CheckTensor(file, name, type, shape, begin, end, dataStart);
    }

    private static StoredTensor CheckTensor(
        CheckpointFile file, string name, TensorType type, List<long> shape, long begin, long end, long dataStart)
    {
        var shapeText = TensorInfo.FormatShape(shape);
        if (!TensorInfo.TryCount(shape, out var count) || count > long.MaxValue / type.BlockBytes())
        {
            throw Bad(file, $"gives tensor '{name}' the shape {shapeText}, more than any file can hold", name);
        }

        var available = file.Length - dataStart;
        if (begin > end || end > available)
        {
            throw Bad(
                file, $"places tensor '{name}' at bytes {begin} to {end} of its data, which has {available}", name);
        }

        if (end - begin != count * type.BlockBytes())
        {
            throw Bad(
                file,
                $"gives tensor '{name}' {end - begin} bytes; its shape {shapeText} of type {type} takes " +
                $"{count * type.BlockBytes()}", name);
        }

        return new StoredTensor(new TensorInfo(name, type, shape), file, dataStart + begin);
    }

    private static List<long> ReadSizes(ref Utf8JsonReader reader, CheckpointFile file, string key, string name)
    {
        Expect(ref reader, JsonTokenType.StartArray, file, $"'{key}' of tensor '{name}'", name);
        var sizes = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var size) || size < 0)
            {
                throw Bad(file, $"has a '{key}' of tensor '{name}' that is not a list of whole numbers", name);
            }

            if (sizes.Count == MaxDimensions)
            {
                throw Bad(file, $"has a '{key}' of tensor '{name}' with more than {MaxDimensions} numbers", name);
            }

            sizes.Add(size);
        }

        return sizes;
    }

    private static void CheckCoverage(CheckpointFile file, List<StoredTensor> tensors, long dataStart)
    {
        var expected = dataStart;
        var previous = "the header";
        foreach (var tensor in tensors.OrderBy(tensor => tensor.Offset).ThenBy(tensor => tensor.Info.ByteLength))
        {
            var name = tensor.Info.Name;
            if (tensor.Offset != expected)
            {
                var what = tensor.Offset < expected ? "overlaps" : "leaves a gap after";
                throw Bad(file, $"has a tensor '{name}' that {what} {previous}", name);
            }

            expected += tensor.Info.ByteLength;
            previous = $"tensor '{name}'";
        }

        if (expected != file.Length)
        {
            throw Bad(file, $"has {file.Length - expected} bytes after {previous} that belong to no tensor");
        }
    }

    private static void Expect(
        ref Utf8JsonReader reader, JsonTokenType type, CheckpointFile file, string what, string? name = null)
    {
        if (reader.TokenType != type)
        {
            throw Bad(file, $"has a JSON {reader.TokenType} for {what}; expected {type}", name);
        }
    }

    private static CheckpointException Bad(CheckpointFile file, string problem, string? tensor = null) =>
        new($"The safetensors file '{file.Path}' {problem}. Copy or download it again.", file.Path, tensor);
}
