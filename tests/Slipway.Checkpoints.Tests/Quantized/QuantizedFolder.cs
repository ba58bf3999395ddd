using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Quantized;

// Builds a checkpoint as a quantization library writes it, from codes and scales whose values are computed beside them.
internal sealed class QuantizedFolder
{
    private readonly List<SafetensorsEntry> _entries = [];

    // What each weight must read as.
    public Dictionary<string, (long[] Shape, float[] Values)> Expected { get; } = [];

    public Random Random { get; } = new(Seed: 11);

    // The 'quantization_config', or another file that says how the weights are quantized.
    public JsonObject? Settings { get; init; }

    public (string Name, JsonObject Content)? OwnFile { get; init; }

    // The rest of config.json.
    public JsonObject Config { get; init; } = [];

    public static QuantizedFolder WithConfig(string json) => new() { Settings = JsonNode.Parse(json)!.AsObject() };

    public QuantizedFolder Expect(string name, float[] values, params long[] shape)
    {
        Expected.Add(name, (shape, values));
        return this;
    }

    public QuantizedFolder Add<T>(string name, TensorType type, T[] values, params long[] shape)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
        TensorInfo info = new(name, type, shape);
        Assert.Equal(info.ByteLength, bytes.Length);
        _entries.Add(new SafetensorsEntry(
            info, (start, destination) => bytes.AsSpan((int)start, destination.Length).CopyTo(destination)));
        return this;
    }

    public QuantizedFolder Remove(string name)
    {
        Assert.Equal(1, _entries.RemoveAll(entry => entry.Info.Name == name));
        return this;
    }

    public void Write(TemporaryFolder folder) => Write(folder.Path);

    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), _entries);
        WriteSettings(folder);
    }

    // Parts of one weight lie in different files.
    public void WriteShards(string folder, int count)
    {
        JsonObject map = [];
        foreach (var (shard, entries) in _entries.Index().GroupBy(pair => pair.Index % count, pair => pair.Item)
            .Select(group => (group.Key, group.ToArray())))
        {
            var name = $"model-{shard + 1:D5}-of-{count:D5}.safetensors";
            SafetensorsWriter.Write(Path.Combine(folder, name), entries);
            foreach (var entry in entries)
            {
                map[entry.Info.Name] = name;
            }
        }

        File.WriteAllText(
            Path.Combine(folder, "model.safetensors.index.json"),
            new JsonObject { ["weight_map"] = map }.ToJsonString());
        WriteSettings(folder);
    }

    private void WriteSettings(string folder)
    {
        var config = Config.DeepClone();
        if (Settings is not null)
        {
            config["quantization_config"] = Settings.DeepClone();
        }

        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        if (OwnFile is var (name, content))
        {
            File.WriteAllText(Path.Combine(folder, name), content.ToJsonString());
        }
    }

    public int[] Codes(int count, int bits) => [.. Enumerable.Range(0, count).Select(_ => Random.Next(1 << bits))];

    // Numbers that single and half precision and bfloat16 all hold.
    public float[] Scales(int count) => [.. Enumerable.Range(0, count).Select(_ => Random.Next(1, 100) / 64f)];

    // Codes of 8-bit floats that are numbers.
    public byte[] Float8(int count) => [.. Enumerable.Range(0, count).Select(_ =>
        (byte)(Random.Next(0x7F) | (Random.Next(2) << 7)))];

    public static ushort[] BFloat16(float[] values) =>
        [.. values.Select(value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16))];

    // The value of an 8-bit float of 4 exponent and 3 mantissa bits, from its definition.
    public static float E4M3(byte code)
    {
        int exponent = (code >> 3) & 15, mantissa = code & 7;
        var value = exponent == 0
            ? mantissa / 8.0 * Math.Pow(2, -6) : (1 + (mantissa / 8.0)) * Math.Pow(2, exponent - 7);
        return (float)((code & 0x80) != 0 ? -value : value);
    }

    // The code of the nearest 8-bit float.
    public static byte Float8Code(float value) => (byte)Enumerable.Range(0, 256).Where(code => (code & 0x7F) != 0x7F)
        .MinBy(code => Math.Abs(E4M3((byte)code) - value));

    public static float NearestFloat8(float value) => E4M3(Float8Code(value));

    // The value of a 4-bit float of 2 exponent bits and 1 mantissa bit, from its definition.
    public static float E2M1(int code)
    {
        int exponent = (code >> 1) & 3, mantissa = code & 1;
        var value = exponent == 0 ? mantissa * 0.5 : (1 + (mantissa * 0.5)) * Math.Pow(2, exponent - 1);
        return (float)((code & 8) != 0 ? -value : value);
    }

    // Codes one after the other, lowest bit first, as 32-bit numbers.
    public static int[] Pack(IEnumerable<int> codes, int bits)
    {
        bool[] stream = [.. codes.SelectMany(
            code => Enumerable.Range(0, bits).Select(bit => ((code >> bit) & 1) != 0))];
        return [.. stream.Chunk(32).Select(
            number => number.Select((isSet, bit) => isSet ? 1 << bit : 0).Aggregate(0, (sum, part) => sum | part))];
    }

    // Two codes in a byte, the first one lower.
    public static byte[] Pairs(IEnumerable<int> codes) =>
        [.. codes.Chunk(2).Select(pair => (byte)(pair[0] | (pair[1] << 4)))];

    // Each row of a matrix packed on its own.
    public static int[] PackRows(int[] codes, int columns, int bits) =>
        [.. codes.Chunk(columns).SelectMany(row => Pack(row, bits))];

    public static T[] Transpose<T>(T[] values, int columns)
    {
        var rows = values.Length / columns;
        return [.. Enumerable.Range(0, values.Length).Select(i => values[(i % rows * columns) + (i / rows)])];
    }
}
