using System.Text;
using System.Text.Json.Nodes;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Gguf;

// A GGUF file under Hugging Face's names and shapes. Files beside it win over what is made from its metadata.
internal sealed class GgufCheckpoint : Checkpoint
{
    private readonly CheckpointFile file;
    private readonly GgufMetadata metadata;
    private readonly Dictionary<string, (long Offset, int Heads)> stored = new(StringComparer.Ordinal);
    private readonly Lazy<JsonObject> config;
    private readonly string folder;

    public GgufCheckpoint(string path, string format, CheckpointFile file, GgufHeader header)
        : base(path, format)
    {
        this.file = file;
        folder = CheckpointFolder.Of(file.Path);
        metadata = new GgufMetadata(file.Path, header.Metadata);
        config = new Lazy<JsonObject>(() => GgufConfig.Build(metadata, header));
        var architecture = GgufArchitecture.All.GetValueOrDefault(metadata.Architecture);
        var tensors = new Dictionary<string, TensorInfo>(StringComparer.Ordinal);
        foreach (var tensor in header.Tensors)
        {
            var name = architecture?.NameOf(tensor.Name) ?? tensor.Name;
            if (!tensors.TryAdd(name, new TensorInfo(name, tensor.Type, [.. tensor.Shape.Reverse()])))
            {
                throw new CheckpointException(
                    $"The GGUF file '{file.Path}' lists tensor '{tensor.Name}' twice. Download it again.", file.Path,
                    tensor.Name);
            }

            stored[name] = (header.DataStart + tensor.Offset, Heads(architecture, tensor));
        }

        Tensors = tensors;
    }

    public override JsonObject Config => config.Value;

    public override IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    public override byte[]? ReadFile(string name) => CheckpointFolder.ReadFile(folder, name) ?? name switch
    {
        "tokenizer.json" => GgufTokenizer.Build(metadata),
        "tokenizer_config.json" => GgufTokenizer.BuildConfig(metadata),
        "chat_template.jinja" when CheckpointFolder.ReadFile(folder, "tokenizer_config.json") is null =>
            metadata.Text("tokenizer.chat_template") is { } template ? Encoding.UTF8.GetBytes(template) : null,
        _ => null,
    };

    protected override void ReadBytesCore(TensorInfo tensor, long start, Span<byte> destination)
    {
        var (offset, heads) = stored[tensor.Name];
        if (heads == 0)
        {
            file.Read(offset + start, destination, tensor.Name);
            return;
        }

        var rows = tensor.Shape[0];
        var rowBytes = tensor.ByteLength / rows;
        var headRows = rows / heads;
        while (!destination.IsEmpty)
        {
            var (row, skipped) = Math.DivRem(start, rowBytes);
            var count = (int)Math.Min(rowBytes - skipped, destination.Length);
            file.Read(offset + (Interleaved(row, headRows) * rowBytes) + skipped, destination[..count], tensor.Name);
            destination = destination[count..];
            start += count;
        }
    }

    protected override void Dispose(bool disposing)
    {
        file.Dispose();
        base.Dispose(disposing);
    }

    // Where the file has a row: the two halves of a head, which are the two members of its rotary pairs, lie there
    // alternately.
    private static long Interleaved(long row, long headRows)
    {
        var (head, within) = Math.DivRem(row, headRows);
        var (member, pair) = Math.DivRem(within, headRows / 2);
        return (head * headRows) + (2 * pair) + member;
    }

    // The number of heads whose rows are interleaved; 0 for all other tensors.
    private int Heads(GgufArchitecture? architecture, GgufTensor tensor)
    {
        var query = tensor.Name.Contains(".attn_q.", StringComparison.Ordinal);
        var key = tensor.Name.Contains(".attn_k.", StringComparison.Ordinal);
        if (architecture is not { InterleavedHeads: true } || !(query || key))
        {
            return 0;
        }

        var prefix = $"{metadata.Architecture}.attention.head_count";
        var heads = (key ? metadata.Whole($"{prefix}_kv") : null) ?? metadata.Whole(prefix) ?? 0;
        var rows = tensor.Shape.Count > 0 ? tensor.Shape[^1] : 0;
        return heads > 0 && rows > 0 && rows % (2 * heads) == 0
            ? (int)heads
            : throw new CheckpointException(
                $"Tensor '{tensor.Name}' of the GGUF file '{file.Path}' has {rows} rows, which {heads} heads do not "
                + "divide into pairs. Download it again.", file.Path, tensor.Name);
    }
}
