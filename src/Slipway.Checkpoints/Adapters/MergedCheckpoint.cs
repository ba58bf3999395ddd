using System.Buffers;
using System.Collections.Concurrent;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Adapters;

// A checkpoint with an adapter laid over it. A row of a target is merged when it is read; factors are held only while
// the target that they belong to is read.
internal sealed class MergedCheckpoint : OverlayCheckpoint
{
    private readonly LoraAdapter adapter;
    private readonly Dictionary<string, TensorInfo> tensors;
    private readonly Dictionary<string, LoraModule> biases = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, WeakReference<LoraProduct>> products = new(StringComparer.Ordinal);

    public MergedCheckpoint(Checkpoint inner, LoraAdapter adapter)
        : base(inner)
    {
        this.adapter = adapter;
        tensors = inner.Tensors.ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);
        foreach (var (name, replacement) in adapter.Replacements)
        {
            Check(name, replacement.Shape);
            tensors[name] = replacement with { Name = name };
        }

        foreach (var target in adapter.Targets.Values)
        {
            var module = adapter.Module(target.Name);
            Check(
                target.Name,
                target.IsTransposed ? [target.Inputs, target.Outputs] : [target.Outputs, target.Inputs]);
            CheckTied(target.Name);
            tensors[target.Name] = tensors[target.Name] with { Type = TensorType.F32 };
            if (module.UpBias is not null)
            {
                var bias = target.Name[..^"weight".Length] + "bias";
                Check(bias, [target.Outputs]);
                tensors[bias] = tensors[bias] with { Type = TensorType.F32 };
                biases.Add(bias, module);
            }
        }

        Quantized = inner.Quantized.Where(pair => !IsComputed(pair.Key))
            .ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);
    }

    public override IReadOnlyDictionary<string, TensorInfo> Tensors => tensors;

    public override IReadOnlyDictionary<string, QuantizedTensorInfo> Quantized { get; }

    protected override bool IsComputed(string name) =>
        adapter.Targets.ContainsKey(name) || biases.ContainsKey(name) || adapter.Replacements.ContainsKey(name);

    protected override void ReadBytesCore(TensorInfo tensor, long start, Span<byte> destination)
    {
        if (IsWhollyReplaced(tensor.Name))
        {
            adapter.Tensors.ReadBytes(adapter.Replacements[tensor.Name].Name, start, destination);
        }
        else
        {
            base.ReadBytesCore(tensor, start, destination);
        }
    }

    protected override void Compute(TensorInfo tensor, long start, Span<float> destination)
    {
        if (biases.TryGetValue(tensor.Name, out var module))
        {
            AddBias(tensor, module, start, destination);
        }
        else if (adapter.Targets.TryGetValue(tensor.Name, out var target))
        {
            Merge(tensor, target, start, destination);
        }
        else
        {
            ReadOwn(tensor.Name, start, destination);
        }
    }

    protected override void Dispose(bool disposing)
    {
        adapter.Dispose();
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
            adapter.Tensors.ReadFloats(adapter.Module(target.Name).Magnitude!.Name, row, magnitude);
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
        adapter.Tensors.ReadFloats(module.UpBias!.Name, start, added);
        ReadOwn(tensor.Name, start, destination);
        for (var i = 0; i < added.Length; i++)
        {
            destination[i] += (float)(added[i] * module.Target.Scale);
        }
    }

    private LoraProduct Product(LoraTarget target)
    {
        if (products.TryGetValue(target.Name, out var kept) && kept.TryGetTarget(out var product))
        {
            return product;
        }

        product = new LoraProduct(adapter, target);
        products[target.Name] = new WeakReference<LoraProduct>(product);
        return product;
    }

    // What the product is added to: the replacement where there is one, else the model's own.
    private void ReadOwn(string name, long start, Span<float> destination)
    {
        if (adapter.Replacements.TryGetValue(name, out var replacement))
        {
            adapter.Tensors.ReadFloats(replacement.Name, start, destination);
        }
        else
        {
            Inner.ReadFloats(name, start, destination);
        }
    }

    private bool IsWhollyReplaced(string name) => adapter.Replacements.ContainsKey(name) &&
        !adapter.Targets.ContainsKey(name) && !biases.ContainsKey(name);

    private void Check(string name, IReadOnlyList<long> shape)
    {
        if (!tensors.TryGetValue(name, out var tensor) || !tensor.Shape.SequenceEqual(shape))
        {
            throw new CheckpointException(
                $"The adapter '{adapter.Path}' changes tensor '{name}' of shape {TensorInfo.FormatShape(shape)}; the " +
                $"checkpoint '{Inner.Path}' has " +
                $"{(tensor is null ? "none" : $"one of shape {TensorInfo.FormatShape(tensor.Shape)}")}. Use the " +
                $"model that it was trained on{(adapter.BaseModel is { } model ? $", '{model}'" : "")}.", adapter.Path, name);
        }
    }

    // The head reads the same tensor, but the adapter was trained beside the embedding alone.
    private void CheckTied(string name)
    {
        if (name.EndsWith(".embed_tokens.weight", StringComparison.Ordinal) && !tensors.ContainsKey("lm_head.weight"))
        {
            throw new CheckpointException(
                $"The adapter '{adapter.Path}' changes '{name}', which the model's head shares. Write the head as a " +
                "tensor of its own, 'lm_head.weight', first.", adapter.Path, name);
        }
    }
}
