using System.Text;

namespace Slipway.Checkpoints.Tests.Gguf;

// Writes GGUF files for tests: metadata, then tensors with the innermost size first.
internal sealed class GgufBuilder
{
    private const int Alignment = 32;
    private readonly List<Action<BinaryWriter>> _metadata = [];
    private readonly List<(string Name, uint Type, long[] Sizes, byte[] Data)> _tensors = [];

    public GgufBuilder(string architecture) => Add("general.architecture", architecture);

    public uint Version { get; set; } = 3;

    public GgufBuilder Add(string key, object value)
    {
        _metadata.Add(writer =>
        {
            WriteText(writer, key);
            writer.Write(TypeOf(value));
            WriteValue(writer, value);
        });
        return this;
    }

    public GgufBuilder AddTensor(string name, uint type, long[] sizes, byte[] data)
    {
        _tensors.Add((name, type, sizes, data));
        return this;
    }

    public GgufBuilder AddFloats(string name, long[] sizes, float[] values) =>
        AddTensor(name, 0, sizes, System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    public byte[] Build()
    {
        var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((long)_tensors.Count);
        writer.Write((long)_metadata.Count);
        _metadata.ForEach(write => write(writer));
        long offset = 0;
        foreach (var (name, type, sizes, data) in _tensors)
        {
            WriteText(writer, name);
            writer.Write(sizes.Length);
            foreach (var size in sizes)
            {
                writer.Write(size);
            }

            writer.Write(type);
            writer.Write(offset);
            offset += (data.Length + Alignment - 1) / Alignment * Alignment;
        }

        Pad(writer);
        foreach (var tensor in _tensors)
        {
            writer.Write(tensor.Data);
            Pad(writer);
        }

        return stream.ToArray();
    }

    private static void Pad(BinaryWriter writer)
    {
        while (writer.BaseStream.Position % Alignment != 0)
        {
            writer.Write((byte)0);
        }
    }

    private static uint TypeOf(object value) => value switch
    {
        uint => 4,
        int => 5,
        float => 6,
        bool => 7,
        string => 8,
        Array => 9,
        ulong => 10,
        _ => throw new ArgumentException($"'{value.GetType()}' is no metadata.", nameof(value)),
    };

    private static void WriteValue(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case uint number:
                writer.Write(number);
                break;
            case int number:
                writer.Write(number);
                break;
            case ulong number:
                writer.Write(number);
                break;
            case float number:
                writer.Write(number);
                break;
            case bool flag:
                writer.Write(flag);
                break;
            case string text:
                WriteText(writer, text);
                break;
            case Array array:
                writer.Write(TypeOf(array.GetValue(0)!));
                writer.Write((long)array.Length);
                foreach (var item in array)
                {
                    WriteValue(writer, item);
                }

                break;
        }
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((long)bytes.Length);
        writer.Write(bytes);
    }
}
