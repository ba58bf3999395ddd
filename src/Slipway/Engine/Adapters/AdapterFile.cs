using System.Buffers.Binary;
using System.Text.Json;
using Slipway.Packaging;

namespace Slipway.Engine.Adapters;

/// <summary>A matrix of an adapter: where it begins in the file's data, and its sizes.</summary>
internal readonly record struct AdapterMatrix(long Offset, int Rows, int Columns);

/// <summary>Reads the float32 matrices of a safetensors file into memory of its own.</summary>
internal static class AdapterFile
{
    private const int MaxHeader = 16 << 20;
    private const long MaxData = 1L << 33;

    /// <summary>Reads a file.</summary>
    /// <returns>The data, to be disposed by the caller, and the matrices in it.</returns>
    /// <exception cref="PackageException">The file is damaged.</exception>
    public static (NativeBuffer Data, Dictionary<string, AdapterMatrix> Matrices) Read(string path)
    {
        using var file = File.OpenHandle(path);
        var bytes = RandomAccess.GetLength(file);
        Span<byte> prefix = stackalloc byte[8];
        if (bytes < 8 || RandomAccess.Read(file, prefix, 0) != 8)
        {
            throw Bad(path, "is shorter than a header");
        }

        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerBytes is 0 or > MaxHeader || (long)headerBytes > bytes - 8)
        {
            throw Bad(path, $"states a header of {headerBytes} bytes");
        }

        var header = new byte[headerBytes];
        if (RandomAccess.Read(file, header, 8) != header.Length)
        {
            throw Bad(path, "ends within its header");
        }

        var first = 8 + header.Length;
        var size = bytes - first;
        if (size is 0 or > MaxData)
        {
            throw Bad(path, $"holds {size} bytes of data");
        }

        var matrices = ReadHeader(path, header, size);
        var data = new NativeBuffer(size);
        try
        {
            Fill(path, file, first, data);
            return (data, matrices);
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    private static Dictionary<string, AdapterMatrix> ReadHeader(string path, byte[] header, long size)
    {
        try
        {
            var matrices = new Dictionary<string, AdapterMatrix>(StringComparer.Ordinal);
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 8 });
            foreach (var tensor in json.RootElement.EnumerateObject())
            {
                if (tensor.Name != "__metadata__")
                {
                    matrices[tensor.Name] = ReadMatrix(path, tensor, size);
                }
            }

            return matrices;
        }
        catch (Exception e)
            when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw Bad(path, $"has a header that is not safetensors': {e.Message.TrimEnd('.')}");
        }
    }

    private static AdapterMatrix ReadMatrix(string path, JsonProperty tensor, long size)
    {
        var shape = tensor.Value.GetProperty("shape").EnumerateArray().Select(count => count.GetInt64()).ToArray();
        var offsets = tensor.Value.GetProperty("data_offsets").EnumerateArray().Select(at => at.GetInt64()).ToArray();
        var fits = tensor.Value.GetProperty("dtype").GetString() == "F32"
            && shape is [> 0 and <= int.MaxValue, > 0 and <= int.MaxValue]
            && shape[0] * shape[1] <= size / sizeof(float)
            && offsets is [>= 0, _] && offsets[0] % sizeof(float) == 0
            && offsets[1] <= size && offsets[1] - offsets[0] == shape[0] * shape[1] * sizeof(float);
        return fits ? new(offsets[0], (int)shape[0], (int)shape[1]) : throw Bad(
            path, $"has a tensor '{tensor.Name}' that is no float32 matrix within its data");
    }

    private static void Fill(
        string path, Microsoft.Win32.SafeHandles.SafeFileHandle file, long first, NativeBuffer data)
    {
        const int part = 1 << 20;
        for (var done = 0L; done < data.Bytes;)
        {
            var span = data.AsSpan<byte>(done, (int)Math.Min(part, data.Bytes - done));
            var read = RandomAccess.Read(file, span, first + done);
            done += read > 0 ? read : throw Bad(path, "ends within its data");
        }
    }

    private static PackageException Bad(string path, string problem) => new(
        path, $"The adapter file '{path}' {problem}. Copy or export the package again.");
}
