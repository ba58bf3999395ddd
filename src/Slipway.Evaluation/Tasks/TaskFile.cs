using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Evaluation.Tasks;

/// <summary>Reads the items of a task.</summary>
/// <remarks>
/// A file <c>.jsonl</c> has an object in each line, a file <c>.json</c> a list of objects or an object with the list
/// <c>items</c>, and a file <c>.tsv</c> names its columns in the first line.
/// </remarks>
public sealed class TaskFile
{
    private const long Max = 1L << 30;

    private static readonly JsonDocumentOptions JsonOptions = new()
    {
        MaxDepth = 128,
        AllowDuplicateProperties = false,
    };

    private TaskFile(string path, IReadOnlyList<TaskItem> items, string hash)
        => (Path, Items, Hash) = (path, items, hash);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The items, in the file's order; at least one.</summary>
    public IReadOnlyList<TaskItem> Items { get; }

    /// <summary>The SHA-256 of the file, in hexadecimal digits.</summary>
    public string Hash { get; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file, in UTF-8; at most one gibibyte.</param>
    /// <exception cref="TaskFileException">The file or one of its lines is not what it should be.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static TaskFile Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var file = new FileInfo(path);
        if (file.Exists && file.Length > Max)
        {
            throw new TaskFileException(path, 0, $"The file has {file.Length} bytes; at most {Max} are read.");
        }

        var bytes = File.ReadAllBytes(path);
        var text = Decode(path, bytes);
        TaskItem[] items =
        [
            .. System.IO.Path.GetExtension(path).ToUpperInvariant() switch
            {
                ".JSONL" or ".NDJSON" => Lines(path, text),
                ".JSON" => List(path, text),
                ".TSV" => Table(path, text),
                _ => throw new TaskFileException(
                    path, 0, "The form of the file is not known by its name; expected '.jsonl', '.json' or '.tsv'."),
            },
        ];
        return items.Length > 0
            ? new TaskFile(path, items, Convert.ToHexStringLower(SHA256.HashData(bytes)))
            : throw new TaskFileException(path, 0, "The file holds no item; expected at least one.");
    }

    private static string Decode(string path, byte[] bytes)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException exception)
        {
            var line = 1 + bytes.AsSpan(0, Math.Max(0, exception.Index)).Count((byte)'\n');
            throw new TaskFileException(path, line, "The bytes are not UTF-8. Save the file in UTF-8.", exception);
        }
    }

    private static IEnumerable<TaskItem> Lines(string path, string text)
    {
        foreach (var (index, line) in text.Split('\n').Index())
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                yield return Parse(path, index + 1, line) as JsonObject is { } fields
                    ? new TaskItem(path, index + 1, fields)
                    : throw new TaskFileException(path, index + 1, "The line is not a JSON object; expected one.");
            }
        }
    }

    private static IEnumerable<TaskItem> List(string path, string text)
    {
        var root = Parse(path, 0, text);
        var list = root as JsonArray ?? (root as JsonObject)?["items"] as JsonArray
            ?? throw new TaskFileException(
                path, 0, "The document is neither a list nor an object with the list 'items'; expected one of them.");
        var lines = JsonLines.OfObjects(text, root is JsonArray ? 1 : 2);
        foreach (var (index, item) in list.Index())
        {
            var line = index < lines.Count ? lines[index] : 0;
            yield return item is JsonObject fields
                ? new TaskItem(path, line, fields)
                : throw new TaskFileException(path, line, $"Item {index + 1} is not a JSON object; expected one.");
        }
    }

    private static IEnumerable<TaskItem> Table(string path, string text)
    {
        var lines = text.Split('\n').Select(line => line.TrimEnd('\r')).ToArray();
        var names = lines[0].Split('\t');
        if (names.Distinct(StringComparer.Ordinal).Count() < names.Length || names.Any(string.IsNullOrWhiteSpace))
        {
            throw new TaskFileException(
                path, 1, "A column has no name, or two have the same; expected the names of the columns, each once.");
        }

        foreach (var (index, line) in lines.Index().Skip(1))
        {
            if (line.Length == 0)
            {
                continue;
            }

            var cells = line.Split('\t');
            if (cells.Length != names.Length)
            {
                throw new TaskFileException(
                    path, index + 1,
                    $"The line has {cells.Length} columns; expected {names.Length}, as the first has.");
            }

            yield return new TaskItem(
                path, index + 1,
                new JsonObject(names.Zip(cells, (name, cell) => KeyValuePair.Create(name, (JsonNode?)cell))));
        }
    }

    private static JsonNode? Parse(string path, int line, string text)
    {
        try
        {
            return JsonNode.Parse(text, documentOptions: JsonOptions);
        }
        catch (JsonException exception)
        {
            var at = line > 0 ? line : (int)(exception.LineNumber ?? 0) + 1;
            throw new TaskFileException(path, at, $"The JSON is not valid: {exception.Message}", exception);
        }
    }
}
