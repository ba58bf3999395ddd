using System.Buffers;
using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Adapters;

// A checkpoint with an adapter laid over it. A row of a target is merged when it is read; factors are held only while
// the target that they belong to is read.
internal sealed class MergedCheckpoint : OverlayCheckpoint
{
    // A folder with one of these holds a whole tokenizer.
    private static readonly string[] Tokenizers =
        ["tokenizer.json", "tokenizer.model", "tekken.json", "vocab.json", "vocab.txt"];

    private static readonly string[] TokenizerFiles =
        [.. Tokenizers, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja"];

    private readonly LoraAdapter _adapter;
    private readonly AdaptedTensors _adapted;
    private readonly Lazy<JsonObject> _config;
    private readonly ConcurrentDictionary<string, WeakReference<LoraProduct>> _products = new(StringComparer.Ordinal);

    public MergedCheckpoint(Checkpoint inner, LoraAdapter adapter)
        : base(inner)
    {
        _adapter = adapter;
        _adapted = new AdaptedTensors(inner, adapter);
        _config = new Lazy<JsonObject>(() => _adapted.Vocabulary is { } size
            ? WithVocabulary(inner.Config, size) : inner.Config);
        Quantized = inner.Quantized.Where(pair => !IsComputed(pair.Key))
            .ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);
    }

    public override JsonObject Config => _config.Value;

    public override IReadOnlyDictionary<string, TensorInfo> Tensors => _adapted.Tensors;

    public override IReadOnlyDictionary<string, QuantizedTensorInfo> Quantized { get; }

    public override string TokenizerFolder => HasTokenizer ? _adapter.Path : base.TokenizerFolder;

    private bool HasTokenizer => Tokenizers.Any(file => File.Exists(System.IO.Path.Combine(_adapter.Path, file)));

    public override byte[]? ReadFile(string name) => !TokenizerFiles.Contains(name) ? base.ReadFile(name)
        : CheckpointFolder.ReadFile(_adapter.Path, name) ?? (HasTokenizer ? null : base.ReadFile(name));

    protected override bool IsComputed(string name) =>
        _adapted.Targets.ContainsKey(name) || _adapted.Biases.ContainsKey(name)
        || _adapted.Replacements.ContainsKey(name) ||
        _adapted.TokenRows.ContainsKey(name) || name == _adapted.UntiedHead?.Head;

    protected override void ReadBytesCore(TensorInfo tensor, long start, Span<byte> destination)
    {
        if (IsWhollyReplaced(tensor.Name))
        {
            _adapter.Tensors.ReadBytes(_adapted.Replacements[tensor.Name].Name, start, destination);
        }
        else
        {
            base.ReadBytesCore(tensor, start, destination);
        }
    }

    protected override void Compute(TensorInfo tensor, long start, Span<float> destination)
    {
        if (_adapted.Biases.TryGetValue(tensor.Name, out var module))
        {
            AddBias(tensor, module, start, destination);
        }
        else if (_adapted.Targets.TryGetValue(tensor.Name, out module))
        {
            Merge(tensor, module.Target, start, destination);
        }
        else if (_adapted.TokenRows.TryGetValue(tensor.Name, out var rows))
        {
            ReadOwn(tensor.Name, start, destination);
            PutRows(tensor, rows, start, destination);
        }
        else
        {
            ReadOwn(tensor.Name, start, destination);
        }
    }

    protected override void Dispose(bool disposing)
    {
        _adapter.Dispose();
        base.Dispose(disposing);
    }

    private void Merge(TensorInfo tensor, LoraTarget target, long start, Span<float> destination)
    {
        var product = Product(target);
        var columns = (int)tensor.Shape[1];
        ReadOwn(tensor.Name, start, destination);
        while (destination.Length > 0)
        {
            var (row, skipped) = Math.DivRem(start, columns);
            var count = (int)Math.Min(columns - skipped, destination.Length);
            product.AddTo(row, (int)skipped, destination[..count]);
            if (target.HasMagnitude)
            {
                Rescale(tensor, target, product, row, destination[..count]);
            }

            start += count;
            destination = destination[count..];
        }
    }

    // DoRA: the row gets its magnitude for its length.
    private void Rescale(TensorInfo tensor, LoraTarget target, LoraProduct product, long row, Span<float> part)
    {
        var columns = (int)tensor.Shape[1];
        var buffer = ArrayPool<float>.Shared.Rent(columns);
        try
        {
            var whole = buffer.AsSpan(0, columns);
            ReadOwn(tensor.Name, row * columns, whole);
            product.AddTo(row, 0, whole);
            double squares = 0;
            foreach (var value in whole)
            {
                squares += (double)value * value;
            }

            Span<float> magnitude = stackalloc float[1];
            _adapter.Tensors.ReadFloats(_adapter.Module(target.Name).Magnitude!.Name, row, magnitude);
            var factor = (float)(magnitude[0] / Math.Sqrt(squares));
            foreach (ref var value in part)
            {
                value *= factor;
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(buffer);
        }
    }

    private void AddBias(TensorInfo tensor, LoraModule module, long start, Span<float> destination)
    {
        var added = new float[destination.Length];
        _adapter.Tensors.ReadFloats(module.UpBias!.Name, start, added);
        ReadOwn(tensor.Name, start, destination);
        for (var i = 0; i < added.Length; i++)
        {
            destination[i] += (float)(added[i] * module.Target.Scale);
        }
    }

    private LoraProduct Product(LoraTarget target)
    {
        if (_products.TryGetValue(target.Name, out var kept) && kept.TryGetTarget(out var product))
        {
            return product;
        }

        product = new LoraProduct(_adapter, target);
        _products[target.Name] = new WeakReference<LoraProduct>(product);
        return product;
    }

    private void PutRows(TensorInfo tensor, LoraTokenRows rows, long start, Span<float> destination)
    {
        var columns = (int)tensor.Shape[1];
        while (destination.Length > 0)
        {
            var (row, skipped) = Math.DivRem(start, columns);
            var count = (int)Math.Min(columns - skipped, destination.Length);
            if (rows.Places.TryGetValue((int)row, out var place))
            {
                _adapter.Tensors.ReadFloats(
                    rows.Tensor.Name, ((long)place * columns) + skipped, destination[..count]);
            }

            start += count;
            destination = destination[count..];
        }
    }

    // What the product is added to: the replacement where there is one, else the model's own.
    private void ReadOwn(string name, long start, Span<float> destination)
    {
        if (_adapted.UntiedHead is { } untied && untied.Head == name)
        {
            name = untied.Embedding;
            if (_adapted.Vocabulary is null)
            {
                Inner.ReadFloats(name, start, destination);
                return;
            }
        }

        if (_adapted.Replacements.TryGetValue(name, out var replacement))
        {
            _adapter.Tensors.ReadFloats(replacement.Name, start, destination);
        }
        else
        {
            Inner.ReadFloats(name, start, destination);
        }
    }

    private bool IsWhollyReplaced(string name) => _adapted.Replacements.ContainsKey(name) &&
        !_adapted.Targets.ContainsKey(name) && !_adapted.Biases.ContainsKey(name)
        && !_adapted.TokenRows.ContainsKey(name);

    private static JsonObject WithVocabulary(JsonObject config, long size)
    {
        var copy = (JsonObject)config.DeepClone();

        // Parsed, so that it can be read as any type of number, as what comes from a file can.
        AdaptedTensors.TextConfig(copy)["vocab_size"] = JsonNode.Parse(size.ToString(CultureInfo.InvariantCulture));
        return copy;
    }
}
