using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Slipway.Checkpoints.Files;
using Slipway.Checkpoints.Gguf.Architectures;
using Slipway.Checkpoints.Gguf.Vocabulary;

namespace Slipway.Checkpoints.Gguf;

// A GGUF file under Hugging Face names: the architecture's row says how tensors and metadata translate.
internal sealed class GgufCheckpoint : Checkpoint
{
    private const string TokenizerFile = "tokenizer.json";
    private readonly GgufFile _file;
    private readonly string _folder;
    private readonly Dictionary<string, GgufSource> _sources;
    private readonly Lazy<JsonObject> _config;

    public GgufCheckpoint(string path, string format, GgufFile file)
        : base(path, format)
    {
        _file = file;
        _folder = CheckpointFolder.Of(file.Path);
        var model = GgufArchitectures.Find(file);
        _sources = new Dictionary<string, GgufSource>(StringComparer.Ordinal);
        foreach (var source in model.Map(file))
        {
            if (!_sources.TryAdd(source.Info.Name, source))
            {
                throw new CheckpointException(
                    $"Two tensors of the GGUF file '{file.Path}' are '{source.Info.Name}'. Convert the model again.",
                    file.Path, source.Info.Name);
            }
        }

        Tensors = _sources.ToDictionary(pair => pair.Key, pair => pair.Value.Info, StringComparer.Ordinal);
        Quantized = _sources.Values.Select(Describe).OfType<QuantizedTensorInfo>()
            .ToDictionary(grid => grid.Name, StringComparer.Ordinal);
        _config = new Lazy<JsonObject>(() => model.MakeConfig(file));
    }

    public override JsonObject Config => _config.Value;

    public override IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    public override IReadOnlyDictionary<string, QuantizedTensorInfo> Quantized { get; }

    public override IReadOnlyList<string> Warnings =>
        CheckpointFolder.ReadFile(_folder, TokenizerFile) is null && GgufTokenizer.Warn(_file.Metadata) is { } warning
            ? [warning]
            : [];

    // The configuration belongs to the weights and is always made from the file; other files beside it come first.
    public override byte[]? ReadFile(string name)
    {
        if (name == "config.json")
        {
            return Encoding.UTF8.GetBytes(Config.ToJsonString());
        }

        return CheckpointFolder.ReadFile(_folder, name) ?? name switch
        {
            TokenizerFile => GgufTokenizer.Make(_file.Metadata),
            "tokenizer_config.json" => GgufTokenizerConfig.Make(_file.Metadata),
            "generation_config.json" => GgufGenerationConfig.Make(_file.Metadata),
            "chat_template.jinja" when CheckpointFolder.ReadFile(_folder, "tokenizer_config.json") is null =>
                _file.Metadata.Text(GgufTokenizerConfig.TemplateKey) is { } template
                    ? Encoding.UTF8.GetBytes(template)
                    : null,
            _ => null,
        };
    }

    protected override void ReadBytesCore(TensorInfo tensor, long start, Span<byte> destination)
    {
        switch (_sources[tensor.Name])
        {
            case GgufComputed computed:
                ReadComputed(computed, start, destination);
                break;
            case GgufRows { RowOf: { } rowOf } rows:
                ReadRows(rows, rowOf, start, destination);
                break;
            case GgufRows rows:
                var first = rows.Tensor.Offset + (rows.FirstRow * rows.RowBytes);
                rows.Tensor.File.Read(first + start, destination, tensor.Name);
                break;
        }
    }

    protected override void ReadQuantizedCore(
        QuantizedTensorInfo tensor, long firstRow, Span<byte> codes, Span<float> scales, Span<float> zeroPoints)
    {
        var info = Tensors[tensor.Name];
        var type = info.Type;
        var rowBytes = tensor.Columns / type.BlockSize() * type.BlockBytes();
        var bytes = ArrayPool<byte>.Shared.Rent(codes.Length / tensor.Columns * rowBytes);
        try
        {
            var rows = bytes.AsSpan(0, codes.Length / tensor.Columns * rowBytes);
            ReadBytesCore(info, firstRow * rowBytes, rows);
            GgufGrid.All[type].Split(rows, codes, scales, zeroPoints);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    protected override void Dispose(bool disposing)
    {
        _file.Dispose();
        base.Dispose(disposing);
    }

    // The grid of a matrix that is stored as codes; null for others.
    private static QuantizedTensorInfo? Describe(GgufSource source)
    {
        if (source is not GgufRows { Info: { Shape.Count: > 1, Count: > 0 } info }
            || !GgufGrid.All.TryGetValue(info.Type, out var grid)
            || info.Shape[^1] is not (> 0 and <= int.MaxValue and var columns)
            || columns % info.Type.BlockSize() != 0 || info.Count / columns > int.MaxValue)
        {
            return null;
        }

        return new QuantizedTensorInfo(
            info.Name, grid.Bits, GgufGrid.GroupSize, (int)(info.Count / columns), (int)columns, Groups: null)
        {
            HasMinima = grid.HasMinima,
        };
    }

    private static void ReadComputed(GgufComputed computed, long start, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var (part, skipped) = Math.DivRem(start, computed.PartBytes);
            var bytes = MemoryMarshal.AsBytes(computed[(int)part].AsSpan())[(int)skipped..];
            bytes = bytes[..Math.Min(bytes.Length, destination.Length)];
            bytes.CopyTo(destination);
            start += bytes.Length;
            destination = destination[bytes.Length..];
        }
    }

    private static void ReadRows(GgufRows rows, Func<long, long> rowOf, long start, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            var (row, skipped) = Math.DivRem(start, rows.RowBytes);
            var count = (int)Math.Min(rows.RowBytes - skipped, destination.Length);
            var offset = rows.Tensor.Offset + ((rows.FirstRow + rowOf(row)) * rows.RowBytes) + skipped;
            rows.Tensor.File.Read(offset, destination[..count], rows.Info.Name);
            start += count;
            destination = destination[count..];
        }
    }
}
