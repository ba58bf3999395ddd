using System.Text;

namespace Slipway.Packaging;

/// <summary>Reads which files a graph names as external data, and nothing else of it.</summary>
/// <remarks>
/// Messages are entered where such a name can stand, and skipped by their length elsewhere, so a graph with its weights
/// inside is read as fast. Source: onnx.proto; protobuf encoding.
/// </remarks>
internal static class ExternalDataFiles
{
    // As deep as ONNX Runtime reads.
    private const int MaxDepth = 100;
    private const int MaxName = 4096;

    private enum Message
    {
        Model,
        Graph,
        Node,
        Attribute,
        Tensor,
        Entry,
    }

    /// <summary>The names, relative to the graph's folder, each once.</summary>
    /// <exception cref="PackageException">The file is no graph.</exception>
    public static IReadOnlyList<string> Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var names = new SortedSet<string>(StringComparer.Ordinal);
        try
        {
            Read(stream, stream.Length, Message.Model, names, 0);
        }
        catch (InvalidDataException e)
        {
            throw new PackageException(
                path, $"The graph '{path}' is not valid: {e.Message} Copy or export the package again.", e);
        }

        return [.. names];
    }

    private static void Read(Stream stream, long end, Message message, SortedSet<string> names, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new InvalidDataException($"Its messages are nested deeper than {MaxDepth}.");
        }

        string key = "", value = "";
        while (stream.Position < end)
        {
            var tag = ReadVarint(stream);
            var (field, kind) = (tag >> 3, tag & 7);
            if (kind != 2)
            {
                Skip(stream, kind, end);
                continue;
            }

            var length = ReadVarint(stream);
            if (length > (ulong)(end - stream.Position))
            {
                throw new InvalidDataException($"A field of {length} bytes reaches beyond its message.");
            }

            var next = stream.Position + (long)length;
            if (message == Message.Entry && field is (1 or 2))
            {
                (key, value) = field == 1 ? (ReadText(stream, length), value) : (key, ReadText(stream, length));
            }
            else if (Inner(message, field) is { } inner)
            {
                Read(stream, next, inner, names, depth + 1);
            }

            stream.Position = next;
        }

        if (message == Message.Entry && key == "location")
        {
            names.Add(value);
        }
    }

    // Says which messages stand in which, as far as external data can stand in them.
    private static Message? Inner(Message message, ulong field) => (message, field) switch
    {
        (Message.Model, 7) => Message.Graph,
        (Message.Graph, 1) => Message.Node,
        (Message.Graph, 5) => Message.Tensor,
        (Message.Node, 5) => Message.Attribute,
        (Message.Attribute, 5 or 10) => Message.Tensor,
        (Message.Attribute, 6 or 11) => Message.Graph,
        (Message.Tensor, 13) => Message.Entry,
        _ => null,
    };

    private static void Skip(Stream stream, ulong kind, long end)
    {
        switch (kind)
        {
            case 0:
                _ = ReadVarint(stream);
                break;
            case 1:
                stream.Position += sizeof(long);
                break;
            case 5:
                stream.Position += sizeof(int);
                break;
            default:
                throw new InvalidDataException($"A field has the unknown kind {kind}.");
        }

        if (stream.Position > end)
        {
            throw new InvalidDataException("A field reaches beyond its message.");
        }
    }

    private static ulong ReadVarint(Stream stream)
    {
        var value = 0ul;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = stream.ReadByte();
            if (part < 0)
            {
                throw new InvalidDataException("The file ends within a number.");
            }

            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("A number has more than 64 bits.");
    }

    private static string ReadText(Stream stream, ulong length)
    {
        if (length > MaxName)
        {
            return "";
        }

        var bytes = new byte[length];
        stream.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes);
    }
}
