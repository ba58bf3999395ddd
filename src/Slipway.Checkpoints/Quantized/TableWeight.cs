using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Checkpoints.Decoding;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Quantized;

// Codes of 4 bits, two in a byte, the first one higher. A table of 16 turns them into values, which the largest weight
// of a block multiplies; blocks run on over the ends of rows. Where those numbers are quantized in turn, a table of 256
// turns their codes into values, in blocks too, and an offset is added.
internal sealed class TableWeight : QuantizedWeight, ICodes
{
    private const int MaxState = 1 << 16;
    private const int Codes = 16;
    private const int NestedCodes = 256;

    private static readonly Dictionary<string, TensorType> Types = new(StringComparer.Ordinal)
    {
        ["float32"] = TensorType.F32,
        ["float16"] = TensorType.F16,
        ["bfloat16"] = TensorType.BF16,
    };

    private readonly QuantizedParts _parts;
    private readonly TensorInfo _codes;
    private readonly TensorInfo _sizes;
    private readonly float[] _values;
    private readonly int _blockSize;
    private readonly TensorType _type;
    private readonly Nested? _nested;

    private TableWeight(
        QuantizedParts parts, TensorInfo info, TensorInfo codes, TensorInfo sizes, float[] values, int blockSize,
        TensorType type, Nested? nested)
        : base(info)
    {
        _parts = parts;
        _codes = codes;
        _sizes = sizes;
        _values = values;
        _blockSize = blockSize;
        _type = type;
        _nested = nested;
    }

    // Blocks that run on over the ends of rows are read as numbers only.
    public override QuantizedTensorInfo? Grid => Columns % _blockSize != 0 ? null
        : new QuantizedTensorInfo(
            Info.Name, 4, _blockSize, checked((int)(Info.Count / Columns)), Columns, Groups: null)
        {
            Values = _values,
        };

    // Describes the weight of this name by the tensor that holds its state.
    public static TableWeight Read(QuantizedParts parts, string stateName, string name)
    {
        var state = State(parts, parts.Take(stateName, TensorType.U8));
        var shape = state.Shape();
        TensorInfo info = new(name, TensorType.F32, shape);
        var codes = parts.Take(
            name, TensorType.U8, TensorType.I8, TensorType.BF16, TensorType.F16, TensorType.F32);
        if (codes.ByteLength != (info.Count + 1) / 2)
        {
            throw parts.Bad(
                codes, $"{(info.Count + 1) / 2} bytes, for the shape {TensorInfo.FormatShape(shape)} in '{stateName}'");
        }

        parts.Sizes(codes, info.Count / shape[^1], shape[^1]);
        var blockSize = state.Whole("blocksize");
        var blocks = (info.Count + blockSize - 1) / blockSize;
        var isNested = parts.Has(name + ".nested_absmax");
        var sizes = isNested
            ? parts.Take(name + ".absmax", TensorType.U8)
            : parts.Take(name + ".absmax", TensorType.F32, TensorType.F16, TensorType.BF16);
        RequireCount(parts, sizes, blocks, $"a number for each block of {blockSize} weights");
        return new TableWeight(
            parts, info, codes, sizes, Table(parts, name + ".quant_map", Codes), blockSize,
            state.Type(), isNested ? Nested.Read(parts, name, state, blocks) : null);
    }

    public override void ReadRows(long firstRow, int rows, Span<float> destination)
    {
        var (start, count) = (firstRow * Columns, rows * Columns);
        var (firstByte, lastByte) = (start / 2, (start + count - 1) / 2);
        var (firstBlock, lastBlock) = (start / _blockSize, (start + count - 1) / _blockSize);
        var codes = ArrayPool<byte>.Shared.Rent((int)(lastByte - firstByte + 1));
        var sizes = ArrayPool<float>.Shared.Rent((int)(lastBlock - firstBlock + 1));
        try
        {
            _parts.Checkpoint.ReadBytes(_codes.Name, firstByte, codes.AsSpan(0, (int)(lastByte - firstByte + 1)));
            ReadSizes(firstBlock, sizes.AsSpan(0, (int)(lastBlock - firstBlock + 1)));
            for (var done = 0; done < count;)
            {
                // To the end of the block.
                var (block, inside) = Math.DivRem(start + done, _blockSize);
                var end = (int)Math.Min(done + _blockSize - inside, count);
                var size = sizes[(int)(block - firstBlock)];
                for (; done < end; done++)
                {
                    var place = (int)(start + done - (firstByte * 2));
                    var pair = codes[place / 2];
                    destination[done] = _values[(place & 1) == 0 ? pair >> 4 : pair & 15] * size;
                }
            }

            Round(destination[..count]);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(codes);
            ArrayPool<float>.Shared.Return(sizes);
        }
    }

    // As the codes stand for them, not rounded to the type that the state names.
    public void ReadCodes(long firstRow, Span<byte> codes, Span<float> scales, Span<byte> zeroPoints)
    {
        var first = firstRow * Columns;
        var packed = new byte[((first + codes.Length + 1) / 2) - (first / 2)];
        _parts.Checkpoint.ReadBytes(_codes.Name, first / 2, packed);
        for (var index = 0; index < codes.Length; index++)
        {
            var place = (int)(first + index - (first / 2 * 2));
            codes[index] = (byte)((place & 1) == 0 ? packed[place / 2] >> 4 : packed[place / 2] & 15);
        }

        ReadSizes(first / _blockSize, scales);
        zeroPoints.Clear();
    }

    // The library computes weights in the type that the state names.
    private void Round(Span<float> values)
    {
        if (_type == TensorType.F32)
        {
            return;
        }

        var buffer = ArrayPool<ushort>.Shared.Rent(values.Length);
        try
        {
            var halves = buffer.AsSpan(0, values.Length);
            HalfEncoders.Encode(_type, values, halves);
            _type.Decode(MemoryMarshal.AsBytes(halves), values);
        }
        finally
        {
            ArrayPool<ushort>.Shared.Return(buffer);
        }
    }

    private void ReadSizes(long first, Span<float> destination)
    {
        _parts.Checkpoint.ReadFloats(_sizes.Name, first, destination);
        if (_nested is { } nested)
        {
            for (var i = 0; i < destination.Length; i++)
            {
                destination[i] = (nested.Values[(int)destination[i]] * nested.Sizes[(first + i) / nested.BlockSize])
                    + nested.Offset;
            }
        }

        _parts.RequireFinite(_sizes, destination);
    }

    private static StateReader State(QuantizedParts parts, TensorInfo tensor)
    {
        if (tensor.Count > MaxState)
        {
            throw parts.Bad(tensor, $"at most {MaxState} bytes of JSON");
        }

        var json = new byte[tensor.Count];
        parts.Checkpoint.ReadBytes(tensor.Name, 0, json);
        try
        {
            return new StateReader(parts, tensor, JsonFile.Parse(json, parts.Checkpoint.Path));
        }
        catch (CheckpointException error)
        {
            throw new CheckpointException(
                $"Tensor '{tensor.Name}' of '{parts.Checkpoint.Path}' does not hold the state of a quantization in " +
                "JSON. The weights are damaged: compare the file's hash with the one that its author publishes.",
                parts.Checkpoint.Path, tensor.Name, error);
        }
    }

    private static float[] Table(QuantizedParts parts, string name, int count)
    {
        var tensor = parts.Take(name, TensorType.F32, TensorType.F16, TensorType.BF16);
        RequireCount(parts, tensor, count, "the value of each code");
        var values = new float[count];
        parts.Checkpoint.ReadFloats(name, 0, values);
        parts.RequireFinite(tensor, values);
        return values;
    }

    private static void RequireCount(QuantizedParts parts, TensorInfo tensor, long count, string what)
    {
        if (tensor.Count != count)
        {
            throw parts.Bad(tensor, $"{count} elements, {what}");
        }
    }

    // How the largest weights of blocks are quantized.
    private sealed record Nested(float[] Values, float[] Sizes, int BlockSize, float Offset)
    {
        public static Nested Read(QuantizedParts parts, string name, StateReader state, long blocks)
        {
            var blockSize = state.Whole("nested_blocksize");
            var tensor = parts.Take(name + ".nested_absmax", TensorType.F32, TensorType.F16, TensorType.BF16);
            var count = (blocks + blockSize - 1) / blockSize;
            RequireCount(parts, tensor, count, $"a number for each {blockSize} blocks");
            var sizes = new float[count];
            parts.Checkpoint.ReadFloats(tensor.Name, 0, sizes);
            parts.RequireFinite(tensor, sizes);
            return new Nested(
                Table(parts, name + ".nested_quant_map", NestedCodes), sizes, blockSize, state.Number("nested_offset"));
        }
    }

    // Reads the state that a stranger wrote.
    private sealed class StateReader(QuantizedParts parts, TensorInfo tensor, JsonObject state)
    {
        public int Whole(string key) =>
            state[key] is JsonValue value && value.TryGetValue<int>(out var number) && number > 0
                ? number : throw Bad(key, "a whole number above 0");

        public float Number(string key) =>
            state[key] is JsonValue value && value.GetValueKind() == JsonValueKind.Number
            && value.TryGetValue<double>(out var number) && double.IsFinite(number)
                ? (float)number : throw Bad(key, "a number");

        public TensorType Type() => state["dtype"] is JsonValue value && value.TryGetValue<string>(out var name)
            && Types.TryGetValue(name, out var type)
                ? type : throw Bad("dtype", string.Join(" or ", Types.Keys.Select(known => $"'{known}'")));

        public long[] Shape()
        {
            long[] shape = [.. (state["shape"] as JsonArray ?? []).Select(size =>
                size is JsonValue value && value.TryGetValue<long>(out var number) ? number : 0)];
            return shape.Length > 0 && shape.All(size => size > 0) && TensorInfo.TryCount(shape, out _)
                ? shape : throw Bad("shape", "a list of whole numbers above 0");
        }

        private CheckpointException Bad(string key, string expected) => new(
            $"Tensor '{tensor.Name}' of '{parts.Checkpoint.Path}' states '{JsonFile.Describe(state[key])}' for "
            + $"'{key}'; expected {expected}. Put the weight file that was published beside its configuration.",
            parts.Checkpoint.Path, tensor.Name);
    }
}
