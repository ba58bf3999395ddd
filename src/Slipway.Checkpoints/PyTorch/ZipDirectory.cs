using System.Buffers.Binary;
using System.Text;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.PyTorch;

// Where an entry's bytes lie in the file.
internal readonly record struct ZipEntry(string Name, long Offset, long Length);

// The entries of a zip file by name. They must be stored as they are, so that tensors can be read by range. Source: the
// .ZIP application note, sections 4.3 and 4.5.3.
internal sealed class ZipDirectory
{
    private const int EndLength = 22;
    private const int LocatorLength = 20;
    private const int End64Length = 56;
    private const int CentralLength = 46;
    private const int LocalLength = 30;
    private const long MaxDirectory = 64 << 20;
    private readonly CheckpointFile _file;

    private ZipDirectory(CheckpointFile file) => _file = file;

    public Dictionary<string, ZipEntry> Entries { get; } = new(StringComparer.Ordinal);

    public static ZipDirectory Read(CheckpointFile file)
    {
        var zip = new ZipDirectory(file);
        var (offset, length) = zip.FindDirectory();
        if (length > MaxDirectory || offset < 0 || length < 0 || offset > file.Length - length)
        {
            throw zip.Bad($"states a directory of {length} bytes at {offset}; it has {file.Length} bytes");
        }

        var directory = new byte[length];
        file.Read(offset, directory);
        zip.ReadEntries(directory);
        return zip;
    }

    public CheckpointException Bad(string problem, string? remedy = null) => new(
        $"The PyTorch file '{_file.Path}' {problem}. {remedy ?? "Copy or download it again."}", _file.Path);

    private (long Offset, long Length) FindDirectory()
    {
        var tail = new byte[(int)Math.Min(_file.Length, EndLength + ushort.MaxValue)];
        _file.Read(_file.Length - tail.Length, tail);
        var at = tail.AsSpan().LastIndexOf("PK\x05\x06"u8);
        if (at < 0 || at + EndLength > tail.Length)
        {
            throw Bad("is no whole zip file: its directory is missing at the end");
        }

        var end = tail.AsSpan(at);
        var (length, offset) = (ReadUInt32(end, 12), ReadUInt32(end, 16));
        var locatorAt = _file.Length - tail.Length + at - LocatorLength;
        if ((length != uint.MaxValue && offset != uint.MaxValue) || locatorAt < 0)
        {
            return (offset, length);
        }

        // Sizes that need 64 bits stand in a record before, which a locator names.
        Span<byte> locator = stackalloc byte[LocatorLength];
        _file.Read(locatorAt, locator);
        var end64At = ReadInt64(locator, 8);
        if (!locator.StartsWith("PK\x06\x07"u8) || end64At < 0 || end64At > _file.Length - End64Length)
        {
            throw Bad("has a zip directory of 64 bits that cannot be found");
        }

        Span<byte> end64 = stackalloc byte[End64Length];
        _file.Read(end64At, end64);
        return end64.StartsWith("PK\x06\x06"u8)
            ? (ReadInt64(end64, 48), ReadInt64(end64, 40))
            : throw Bad("has a zip directory of 64 bits that cannot be found");
    }

    private void ReadEntries(ReadOnlySpan<byte> directory)
    {
        while (directory.Length > 0)
        {
            if (directory.Length < CentralLength || !directory.StartsWith("PK\x01\x02"u8))
            {
                throw Bad("has a zip directory that is damaged");
            }

            var (nameLength, extraLength) = (ReadUInt16(directory, 28), ReadUInt16(directory, 30));
            var length = CentralLength + nameLength + extraLength + ReadUInt16(directory, 32);
            if (length > directory.Length)
            {
                throw Bad("has a zip directory that is damaged");
            }

            var name = Encoding.UTF8.GetString(directory.Slice(CentralLength, nameLength));
            var entry = ReadEntry(name, directory, directory.Slice(CentralLength + nameLength, extraLength));
            if (!Entries.TryAdd(name, entry))
            {
                throw Bad($"lists '{name}' twice");
            }

            directory = directory[length..];
        }
    }

    private ZipEntry ReadEntry(string name, ReadOnlySpan<byte> central, ReadOnlySpan<byte> extra)
    {
        var flags = ReadUInt16(central, 8);
        var method = ReadUInt16(central, 10);
        if (method != 0 || (flags & 1) != 0)
        {
            throw Bad($"holds '{name}' compressed or encrypted (method {method}); expected it stored as it is",
                "Save it with 'torch.save', and pack the file no further.");
        }

        long packed = ReadUInt32(central, 20), length = ReadUInt32(central, 24), header = ReadUInt32(central, 42);
        var wide = WideSizes(extra);
        length = length == uint.MaxValue ? Next(ref wide) : length;
        packed = packed == uint.MaxValue ? Next(ref wide) : packed;
        header = header == uint.MaxValue ? Next(ref wide) : header;
        if (header < 0 || header > _file.Length - LocalLength || packed != length || length < 0)
        {
            throw Bad($"places '{name}' at {header} with {length} bytes; it has {_file.Length} bytes");
        }

        Span<byte> local = stackalloc byte[LocalLength];
        _file.Read(header, local);
        var offset = header + LocalLength + ReadUInt16(local, 26) + ReadUInt16(local, 28);
        return local.StartsWith("PK\x03\x04"u8) && offset <= _file.Length - length
            ? new ZipEntry(name, offset, length)
            : throw Bad($"places '{name}' at {header} with {length} bytes, where it does not lie");

        long Next(ref ReadOnlySpan<byte> sizes)
        {
            if (sizes.Length < sizeof(long))
            {
                throw Bad($"lacks the 64-bit sizes of '{name}'");
            }

            var size = ReadInt64(sizes, 0);
            sizes = sizes[sizeof(long)..];
            return size;
        }
    }

    // The extra field number 1.
    private static ReadOnlySpan<byte> WideSizes(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            var length = Math.Min(ReadUInt16(extra, 2), extra.Length - 4);
            if (ReadUInt16(extra, 0) == 1)
            {
                return extra.Slice(4, length);
            }

            extra = extra[(4 + length)..];
        }

        return [];
    }

    private static int ReadUInt16(ReadOnlySpan<byte> bytes, int at) =>
        BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint ReadUInt32(ReadOnlySpan<byte> bytes, int at) =>
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long ReadInt64(ReadOnlySpan<byte> bytes, int at) =>
        BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
}
