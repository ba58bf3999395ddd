using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;

namespace Slipway.Checkpoints;

/// <summary>Writes safetensors files.</summary>
public static class SafetensorsWriter
{
    private const int ChunkBytes = 1 << 20;
    private const int DataAlignment = 8;

    /// <summary>Writes a file with the given tensors.</summary>
    /// <remarks>
    /// Writes beside the target and renames at the end, so that the target is either the old file or the whole new
    /// one. Holds one mebibyte of a tensor at a time.
    /// </remarks>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="tensors">The tensors; names must differ.</param>
    /// <param name="metadata">Strings to store beside them, such as <c>format</c>: <c>pt</c>.</param>
    /// <exception cref="ArgumentException">A name is used twice or is <c>__metadata__</c>.</exception>
    /// <exception cref="IOException">The file cannot be written; nothing is left behind.</exception>
    public static void Write(
        string path,
        IReadOnlyList<SafetensorsEntry> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tensors);
        CheckNames(tensors);
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
        {
            throw new DirectoryNotFoundException(
                $"The folder of '{path}' does not exist. Create it, or name a file elsewhere.");
        }

        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1))
            {
                Write(file, tensors, metadata);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes a file with the given tensors to a stream.</summary>
    /// <remarks>Holds one mebibyte of a tensor at a time.</remarks>
    /// <param name="stream">Where the content goes; it stays the caller's.</param>
    /// <param name="tensors">The tensors; names must differ.</param>
    /// <param name="metadata">Strings to store beside them, such as <c>format</c>: <c>pt</c>.</param>
    /// <exception cref="ArgumentException">A name is used twice or is <c>__metadata__</c>.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public static void Write(
        Stream stream,
        IReadOnlyList<SafetensorsEntry> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);
        CheckNames(tensors);

        // Wide elements first keeps every tensor aligned to its element's size.
        var ordered = tensors
            .OrderByDescending(tensor => tensor.Info.Type.BlockBytes())
            .ThenBy(tensor => tensor.Info.Name, StringComparer.Ordinal)
            .ToArray();
        WriteHeader(stream, ordered, metadata);
        WriteData(stream, ordered);
    }

    private static void CheckNames(IReadOnlyList<SafetensorsEntry> tensors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal) { "__metadata__" };
        foreach (var tensor in tensors)
        {
            if (!names.Add(tensor.Info.Name))
            {
                throw new ArgumentException(
                    $"The name '{tensor.Info.Name}' is already taken. Give each tensor a name of its own.",
                    nameof(tensors));
            }
        }
    }

    private static void WriteHeader(
        Stream file, SafetensorsEntry[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            WriteMetadata(writer, metadata);
            long offset = 0;
            foreach (var info in tensors.Select(tensor => tensor.Info))
            {
                writer.WriteStartObject(info.Name);
                writer.WriteString("dtype", info.Type.ToString());
                WriteNumbers(writer, "shape", info.Shape);
                WriteNumbers(writer, "data_offsets", [offset, offset + info.ByteLength]);
                writer.WriteEndObject();
                offset += info.ByteLength;
            }

            writer.WriteEndObject();
        }

        var padding = (DataAlignment - (json.WrittenCount % DataAlignment)) % DataAlignment;
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)(json.WrittenCount + padding));
        file.Write(length);
        file.Write(json.WrittenSpan);
        file.Write("       "u8[..padding]);
    }

    private static void WriteMetadata(Utf8JsonWriter writer, IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is null)
        {
            return;
        }

        writer.WriteStartObject("__metadata__");
        foreach (var (key, value) in metadata)
        {
            writer.WriteString(key, value);
        }

        writer.WriteEndObject();
    }

    private static void WriteNumbers(Utf8JsonWriter writer, string name, IReadOnlyList<long> numbers)
    {
        writer.WriteStartArray(name);
        foreach (var number in numbers)
        {
            writer.WriteNumberValue(number);
        }

        writer.WriteEndArray();
    }

    private static void WriteData(Stream file, SafetensorsEntry[] tensors)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            foreach (var tensor in tensors)
            {
                var length = tensor.Info.ByteLength;
                for (long start = 0; start < length; start += ChunkBytes)
                {
                    var chunk = buffer.AsSpan(0, (int)Math.Min(ChunkBytes, length - start));
                    tensor.Fill(start, chunk);
                    file.Write(chunk);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
