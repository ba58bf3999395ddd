using System.Buffers.Binary;
using System.Text.Json;
using Slipway.Packaging;

namespace Slipway.Engine.Adapters;

/// <summary>A matrix of an adapter: where it begins in the file's data, its sizes, and bytes of an element.</summary>
/// <param name="Offset">The first byte.</param>
/// <param name="Rows">Rows.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Type">The type of its elements, as safetensors spells it.</param>
internal readonly record struct AdapterMatrix(long Offset, int Rows, int Columns, string Type = AdapterFile.Float32);

/// <summary>Reads the matrices of a safetensors file into memory of its own.</summary>
/// <param name="path">The file.</param>
/// <param name="remedy">What to do where it is damaged, as a sentence.</param>
/// <param name="types">The types that elements may have.</param>
internal sealed class AdapterFile(string path, string remedy, params string[] types)
{
    public const string Float32 = "F32", Float16 = "F16", BFloat16 = "BF16";

    private const int MaxHeader = 16 << 20;
    private const long MaxData = 1L << 33;

    /// <summary>Reads a file.</summary>
    /// <param name="check">Refuses tensors by their names; null for none.</param>
    /// <returns>The data, to be disposed by the caller, and the matrices in it.</returns>
    /// <exception cref="PackageException">The file is damaged.</exception>
    public (NativeBuffer Data, Dictionary<string, AdapterMatrix> Matrices) Read(Action<string>? check = null)
    {
        using var file = File.OpenHandle(path);
        var bytes = RandomAccess.GetLength(file);
        Span<byte> prefix = stackalloc byte[8];
        if (bytes < 8 || RandomAccess.Read(file, prefix, 0) != 8)
        {
            throw Bad("is shorter than a header");
        }

        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerBytes is 0 or > MaxHeader || (long)headerBytes > bytes - 8)
        {
            throw Bad($"states a header of {headerBytes} bytes");
        }

        var header = new byte[headerBytes];
        if (RandomAccess.Read(file, header, 8) != header.Length)
        {
            throw Bad("ends within its header");
        }

        var first = 8 + header.Length;
        var size = bytes - first;
        if (size is 0 or > MaxData)
        {
            throw Bad($"holds {size} bytes of data");
        }

        var matrices = ReadHeader(header, size, check);
        var data = new NativeBuffer(size);
        try
        {
            Fill(file, first, data);
            return (data, matrices);
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    private Dictionary<string, AdapterMatrix> ReadHeader(byte[] header, long size, Action<string>? check)
    {
        try
        {
            var matrices = new Dictionary<string, AdapterMatrix>(StringComparer.Ordinal);
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 8 });
            foreach (var tensor in json.RootElement.EnumerateObject())
            {
                if (tensor.Name != "__metadata__")
                {
                    check?.Invoke(tensor.Name);
                    matrices[tensor.Name] = ReadMatrix(tensor, size);
                }
            }

            return matrices;
        }
        catch (Exception e)
            when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw Bad($"has a header that is not safetensors': {e.Message.TrimEnd('.')}");
        }
    }

    private AdapterMatrix ReadMatrix(JsonProperty tensor, long size)
    {
        var shape = tensor.Value.GetProperty("shape").EnumerateArray().Select(count => count.GetInt64()).ToArray();
        var offsets = tensor.Value.GetProperty("data_offsets").EnumerateArray().Select(at => at.GetInt64()).ToArray();
        var type = tensor.Value.GetProperty("dtype").GetString() ?? "";
        var bytes = type == Float32 ? sizeof(float) : sizeof(ushort);
        var fits = types.Contains(type)
            && shape is [> 0 and <= int.MaxValue, > 0 and <= int.MaxValue]
            && shape[0] * shape[1] <= size / bytes
            && offsets is [>= 0, _] && offsets[0] % bytes == 0
            && offsets[1] <= size && offsets[1] - offsets[0] == shape[0] * shape[1] * bytes;
        return fits ? new(offsets[0], (int)shape[0], (int)shape[1], type) : throw Bad(
            $"has a tensor '{tensor.Name}' that is no {Words} matrix within its data");
    }

    private string Words => types is [Float32] ? "float32" : "float32, float16 or bfloat16";

    private void Fill(Microsoft.Win32.SafeHandles.SafeFileHandle file, long first, NativeBuffer data)
    {
        const int part = 1 << 20;
        for (var done = 0L; done < data.Bytes;)
        {
            var span = data.AsSpan<byte>(done, (int)Math.Min(part, data.Bytes - done));
            var read = RandomAccess.Read(file, span, first + done);
            done += read > 0 ? read : throw Bad("ends within its data");
        }
    }

    private PackageException Bad(string problem) => new(path, $"The adapter file '{path}' {problem}. {remedy}");
}
