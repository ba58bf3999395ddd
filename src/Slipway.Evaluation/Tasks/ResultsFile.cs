using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Evaluation.Tasks;

/// <summary>Keeps the results of a run in a file, so that another run goes on with it.</summary>
/// <remarks>
/// The first line tells what was run, each further one is a result. A line goes to the system whole and at once, so
/// that a process that is killed leaves at most its last line cut; that line is dropped. Thread-safe.
/// </remarks>
internal sealed class ResultsFile<T> : IDisposable
    where T : class, IResult<T>
{
    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly FileStream? _stream;
    private readonly Lock _lock = new();

    private ResultsFile(FileStream? stream, IReadOnlyList<T> results) => (_stream, Results) = (stream, results);

    /// <summary>Results of an earlier run.</summary>
    public IReadOnlyList<T> Results { get; }

    /// <summary>Opens a file, or makes it; null keeps nothing.</summary>
    /// <exception cref="InvalidDataException">The file belongs to another run, or is none of results.</exception>
    public static ResultsFile<T> Open(string? path, JsonObject provenance, int items)
    {
        if (path is null)
        {
            return new ResultsFile<T>(null, []);
        }

        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
        {
            Directory.CreateDirectory(folder);
        }

        var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        try
        {
            var file = new ResultsFile<T>(stream, Read(stream, path, provenance, items));
            if (stream.Length == 0)
            {
                file.Write(provenance);
            }

            return file;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Gives the results of an earlier run in their items' places; null where there is none.</summary>
    public T?[] Known(int items)
    {
        var known = new T?[items];
        foreach (var result in Results)
        {
            known[result.Item] = result;
        }

        return known;
    }

    public void Add(T result)
    {
        if (_stream is not null)
        {
            Write(result.ToJson());
        }
    }

    public void Dispose() => _stream?.Dispose();

    private void Write(JsonObject line)
    {
        var bytes = Encoding.UTF8.GetBytes(line.ToJsonString(JsonOptions) + "\n");
        lock (_lock)
        {
            _stream!.Write(bytes);
            _stream.Flush();
        }
    }

    private static List<T> Read(FileStream stream, string path, JsonObject provenance, int items)
    {
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        var whole = bytes.AsSpan().LastIndexOf((byte)'\n') + 1;
        stream.SetLength(whole);
        stream.Seek(0, SeekOrigin.End);
        var lines = Encoding.UTF8.GetString(bytes, 0, whole).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length == 0)
        {
            return [];
        }

        CheckSameRun(Parse(path, 1, lines[0]) as JsonObject, path, provenance);
        var results = new List<T>();
        foreach (var (index, line) in lines.Index().Skip(1))
        {
            try
            {
                results.Add(T.FromJson(Parse(path, index + 1, line)));
            }
            catch (JsonException exception)
            {
                throw new TaskFileException(path, index + 1, exception.Message, exception);
            }

            if (results[^1].Item < 0 || results[^1].Item >= items)
            {
                throw new TaskFileException(
                    path, index + 1, $"The result is of item {results[^1].Item}; the run has {items}.");
            }
        }

        return results;
    }

    private static void CheckSameRun(JsonObject? earlier, string path, JsonObject provenance)
    {
        if (earlier is not null && JsonNode.DeepEquals(earlier, JsonNode.Parse(provenance.ToJsonString())))
        {
            return;
        }

        var differing = earlier is null
            ? ["everything"]
            : provenance.Where(field => !JsonNode.DeepEquals(
                    earlier[field.Key], JsonNode.Parse(field.Value?.ToJsonString() ?? "null")))
                .Select(field => $"'{field.Key}'").ToArray();
        throw new InvalidDataException(
            $"The results in '{path}' are of another run; what differs is {string.Join(", ", differing)}. Name another "
            + "file, or remove this one.");
    }

    private static JsonNode? Parse(string path, int line, string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException exception)
        {
            throw new TaskFileException(
                path, line, "The line is not valid JSON, so the file is none of results. Name another file.",
                exception);
        }
    }
}
