using System.Runtime.InteropServices;
using Slipway.Checkpoints;

namespace Slipway.Cli.Verbs;

/// <summary>The tensors of a file that a model is run over.</summary>
internal sealed class RunInputs : IDisposable
{
    private const int MaxElements = 1 << 24;

    private readonly Checkpoint _file;
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    private RunInputs(string path, Checkpoint file) => (Path, _file) = (path, file);

    public string Path { get; }

    /// <summary>The tensors that nobody asked for.</summary>
    public IEnumerable<string> Unread
        => _file.Tensors.Keys.Where(name => !_read.Contains(name)).Order(StringComparer.Ordinal);

    public static RunInputs Open(string path) => new(path, Checkpoint.Open(path));

    public bool Has(string name) => _file.Tensors.ContainsKey(name);

    /// <summary>Reads integers [batch, sequence]; a list is one row.</summary>
    /// <exception cref="UsageException">The file holds no such integers.</exception>
    public (long[] Values, long[] Shape) Read(string name)
    {
        if (!_file.Tensors.TryGetValue(name, out var tensor) || tensor.Shape.Count is not (1 or 2) || tensor.Count == 0
            || tensor.Type is not (TensorType.I64 or TensorType.I32) || tensor.Count > MaxElements)
        {
            throw new UsageException(
                $"'{Path}' holds no tensor '{name}' of integers [batch, sequence]; it holds "
                + $"{string.Join(", ", _file.Tensors.Values.Take(5).Select(other => $"'{other}'"))}.");
        }

        _read.Add(name);
        var bytes = new byte[tensor.ByteLength];
        _file.ReadBytes(name, 0, bytes);
        var values = tensor.Type == TensorType.I64
            ? MemoryMarshal.Cast<byte, long>(bytes).ToArray()
            : [.. MemoryMarshal.Cast<byte, int>(bytes).ToArray().Select(value => (long)value)];
        return (values, [values.Length / tensor.Shape[^1], tensor.Shape[^1]]);
    }

    /// <summary>Reads integers as one list.</summary>
    /// <exception cref="UsageException">The file holds no such integers.</exception>
    public (long[] Values, long[] Shape) ReadList(string name)
    {
        var (values, _) = Read(name);
        return (values, [values.Length]);
    }

    /// <summary>Checks a token id.</summary>
    /// <exception cref="UsageException">It is none.</exception>
    public int TokenId(long id) => id is >= 0 and <= int.MaxValue
        ? (int)id
        : throw new UsageException($"'{id}' in 'input_ids' of '{Path}' is no token id.");

    /// <summary>Checks token ids against a vocabulary.</summary>
    /// <exception cref="UsageException">One is none of it.</exception>
    public void RequireTokens(long[] ids, int vocabularySize)
    {
        if (Array.FindIndex(ids, id => id < 0 || id >= vocabularySize) is >= 0 and var place)
        {
            throw new UsageException(
                $"'{ids[place]}' in 'input_ids' of '{Path}' is no token id; the model has 0 to {vocabularySize - 1}. "
                + "Encode the texts with the model's own tokenizer.");
        }
    }

    public void Dispose() => _file.Dispose();
}
