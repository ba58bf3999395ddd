using System.IO.Compression;
using System.Text;

namespace Slipway.Checkpoints.Tests.PyTorch;

// Writes what torch.save writes: a zip of a pickle (protocol 2) and one entry a tensor.
internal sealed class TorchZip
{
    private readonly List<byte> _pickle = [];
    private readonly List<byte[]> _storages = [];

    public TorchZip()
    {
        Write([0x80, 2]);
        Write("ccollections\nOrderedDict\nq\0)Rq\u0001("u8);
    }

    public string Byteorder { get; set; } = "little";

    public CompressionLevel Compression { get; set; } = CompressionLevel.NoCompression;

    public TorchZip Add(string name, string storage, long[] shape, byte[] data, int size, bool isParameter = false)
    {
        var strides = new long[shape.Length];
        long step = 1;
        for (var i = shape.Length - 1; i >= 0; i--)
        {
            strides[i] = step;
            step *= shape[i];
        }

        return Add(name, storage, shape, strides, data, size, isParameter);
    }

    public TorchZip Add(
        string name, string storage, long[] shape, long[] strides, byte[] data, int size, bool isParameter = false)
    {
        Text(name);
        if (isParameter)
        {
            Write("ctorch._utils\n_rebuild_parameter\n("u8);
        }

        Write("ctorch._utils\n_rebuild_tensor_v2\n(("u8);
        Text("storage");
        Write(Encoding.ASCII.GetBytes($"ctorch\n{storage}\n"));
        Text($"{_storages.Count}");
        Text("cpu");
        Integer(data.Length / size);
        Write("tQK\0"u8);
        Tuple(shape);
        Tuple(strides);

        // False, and hooks: an empty OrderedDict.
        Write([0x89]);
        Write("ccollections\nOrderedDict\n)RtR"u8);
        if (isParameter)
        {
            Write([0x88]);
            Write("ccollections\nOrderedDict\n)RtR"u8);
        }

        _storages.Add(data);
        return this;
    }

    // Instructions of the caller's own, inside the dictionary.
    public TorchZip Write(ReadOnlySpan<byte> instructions)
    {
        _pickle.AddRange(instructions);
        return this;
    }

    public TorchZip Text(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        _pickle.Add((byte)'X');
        _pickle.AddRange(BitConverter.GetBytes(bytes.Length));
        _pickle.AddRange(bytes);
        return this;
    }

    public byte[] Build()
    {
        var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Entry(zip, "archive/data.pkl", [.. _pickle, .. "u."u8]);
            Entry(zip, "archive/byteorder", Encoding.ASCII.GetBytes(Byteorder));
            for (var i = 0; i < _storages.Count; i++)
            {
                Entry(zip, $"archive/data/{i}", _storages[i]);
            }

            Entry(zip, "archive/version", "3\n"u8.ToArray());
        }

        return stream.ToArray();
    }

    private void Tuple(long[] values)
    {
        Write("("u8);
        foreach (var value in values)
        {
            Integer(value);
        }

        Write("t"u8);
    }

    private void Integer(long value)
    {
        _pickle.Add((byte)'J');
        _pickle.AddRange(BitConverter.GetBytes((int)value));
    }

    private void Entry(ZipArchive zip, string name, byte[] bytes)
    {
        using var entry = zip.CreateEntry(name, Compression).Open();
        entry.Write(bytes);
    }
}
